package chart

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestPackage: what is installed is in the chart's archive, and what is for its tests is not.
func TestPackage(t *testing.T) {
	var names []string
	for _, file := range load(t).Raw {
		names = append(names, file.Name)
		if strings.HasPrefix(file.Name, "ci/") || strings.HasSuffix(file.Name, ".gotmpl") {
			t.Errorf("%s is in the archive", file.Name)
		}
	}
	for _, name := range []string{"Chart.yaml", "README.md", "values.yaml", "values.schema.json", "files/rules.yaml", "templates/tests/test.yaml"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not in the archive", name)
		}
	}
}

// TestArtifactHub: the annotations are YAML of the forms that Artifact Hub reads, and name this version's image.
func TestArtifactHub(t *testing.T) {
	c := load(t)
	read := func(name string) (entries []object) {
		if err := yaml.UnmarshalStrict([]byte(c.Metadata.Annotations["artifacthub.io/"+name]), &entries); err != nil || len(entries) == 0 {
			t.Errorf("%s: %d entries, %v", name, len(entries), err)
		}
		return entries
	}
	for _, change := range read("changes") {
		if !slices.Contains([]string{"added", "changed", "deprecated", "removed", "fixed", "security"}, change.kind()) || change.text("description") == "" {
			t.Errorf("a change is %v", change)
		}
	}
	for _, link := range read("links") {
		if link.text("name") == "" || !strings.HasPrefix(link.text("url"), "https://") {
			t.Errorf("a link is %v", link)
		}
	}
	image := render(t, broker).find(t, "Deployment", "proxy-wsproxy").text("spec", "template", "spec", "containers", 0, "image")
	if images := read("images"); images[0].text("image") != image {
		t.Errorf("the image is %s, and the chart's %s", images[0].text("image"), image)
	}
}
