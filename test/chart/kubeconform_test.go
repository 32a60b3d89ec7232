package chart

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yannh/kubeconform/pkg/validator"
)

// newKubeconform returns kubeconform in its strict mode, with the schemas of testdata: it asks nobody for others, and takes no object of which
// it has none.
func newKubeconform(t *testing.T) validator.Validator {
	t.Helper()
	dir := t.TempDir()
	for what, schema := range strictSchemas(t) {
		text, err := json.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, schemaFile(what)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	skipped := map[string]struct{}{}
	for _, what := range unjudged() {
		skipped[strings.ReplaceAll(what, " ", "/")] = struct{}{}
	}
	made, err := validator.New([]string{dir + "/{{.ResourceKind}}{{.KindSuffix}}.json"}, validator.Opts{Strict: true, SkipKinds: skipped})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// schemaFile names a schema as kubeconform looks for it: by its kind, the first part of its group, and its version.
func schemaFile(what string) string {
	version, kind, _ := strings.Cut(what, " ")
	group, version, grouped := strings.Cut(version, "/")
	name := strings.ToLower(kind) + "-" + strings.Split(group, ".")[0]
	if grouped {
		name += "-" + version
	}
	return name + ".json"
}

// TestKubeconform shows kubeconform what `helm template` prints, as it is.
func TestKubeconform(t *testing.T) {
	judge := newKubeconform(t)
	for name, text := range cases(t) {
		t.Run(name, func(t *testing.T) {
			made, err := files(t, text)
			if err != nil {
				t.Fatal(err)
			}
			delete(made, "NOTES.txt")
			for _, file := range slices.Sorted(maps.Keys(made)) {
				for _, result := range judge.Validate(file, io.NopCloser(strings.NewReader(made[file]))) {
					if result.Status == validator.Invalid || result.Status == validator.Error {
						t.Errorf("%s: %v", file, result.Err)
					}
				}
			}
		})
	}
}

// TestKubeconformIsStrict keeps it from accepting anything.
func TestKubeconformIsStrict(t *testing.T) {
	judge := newKubeconform(t)
	for text, want := range map[string]validator.Status{
		"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}":   validator.Valid,
		"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: a}]}}":    validator.Invalid,
		"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selectors: {}}}":         validator.Invalid,
		"{apiVersion: v1, kind: Service, metadata: {name: a}, metadata: {name: b}, spec: {}}": validator.Error,
		"{apiVersion: v1, kind: Unheard, metadata: {name: a}}":                                validator.Error,
	} {
		results := judge.Validate("text", io.NopCloser(strings.NewReader(text)))
		if len(results) != 1 || results[0].Status != want {
			t.Errorf("%s: %v, want %v", text, results, want)
		}
	}
}
