package chart

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
)

// object is a Kubernetes object as Helm would send it.
type object map[string]any

func (o object) kind() string { return o.text("kind") }
func (o object) name() string { return o.text("metadata", "name") }

// at returns what is at a path of keys and indices, or nil.
func (o object) at(path ...any) any {
	var here any = map[string]any(o)
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := here.(map[string]any)
			here = m[step]
		case int:
			list, _ := here.([]any)
			if step >= len(list) {
				return nil
			}
			here = list[step]
		}
	}
	return here
}

func (o object) text(path ...any) string {
	text, _ := o.at(path...).(string)
	return text
}

// under returns the map at a path; nil if there is none.
func (o object) under(path ...any) object {
	m, _ := o.at(path...).(map[string]any)
	return m
}

// list returns the list of maps at a path.
func (o object) list(path ...any) []object {
	entries, _ := o.at(path...).([]any)
	all := make([]object, len(entries))
	for i := range entries {
		all[i] = o.under(append(slices.Clone(path), i)...)
	}
	return all
}

// pod returns the path of an object's pod, if it makes one.
func (o object) pod() []any {
	switch o.kind() {
	case "Deployment":
		return []any{"spec", "template"}
	case "Pod":
		return []any{}
	}
	return nil
}

// objects are what a release is made of.
type objects []object

// find returns the one object of a kind and name.
func (all objects) find(t *testing.T, kind, name string) object {
	t.Helper()
	for _, o := range all {
		if o.kind() == kind && o.name() == name {
			return o
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

func (all objects) names(kind string) []string {
	var names []string
	for _, o := range all {
		if o.kind() == kind {
			names = append(names, o.name())
		}
	}
	return names
}

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// values parses values as Helm does.
func values(t *testing.T, text string) map[string]any {
	t.Helper()
	v, err := chartutil.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// files renders the chart as `helm template proxy` does, by file.
func files(t *testing.T, text string) (map[string]string, error) {
	t.Helper()
	c := load(t)
	release := chartutil.ReleaseOptions{Name: "proxy", Namespace: "streams", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, values(t, text), release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	made, err := engine.Render(c, all)
	if err != nil {
		return nil, err
	}
	short := map[string]string{}
	for name, content := range made {
		short[strings.TrimPrefix(name, "wsproxy/templates/")] = content
	}
	return short, nil
}

// render returns the objects of the chart, each read such that a doubled key is an error.
func render(t *testing.T, text string) objects {
	t.Helper()
	made, err := files(t, text)
	if err != nil {
		t.Fatal(err)
	}
	var all objects
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if name == "NOTES.txt" {
			continue
		}
		for document := range strings.SplitSeq(made[name], "\n---") {
			var o object
			if err := yaml.UnmarshalStrict([]byte(document), &o); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, document)
			}
			if o != nil {
				all = append(all, o)
			}
		}
	}
	return all
}

// cases returns the sets of values in the chart's folder ci, by name.
func cases(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(chartDir + "/ci/*-values.yaml")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d sets of values: %v", len(paths), err)
	}
	examples, err := filepath.Glob(root + "deploy/examples/*.yaml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("%d examples: %v", len(examples), err)
	}
	found := map[string]string{}
	for _, path := range append(paths, examples...) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(path), ".yaml")] = string(text)
	}
	return found
}
