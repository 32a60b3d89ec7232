package chart

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"helm.sh/helm/v3/pkg/strvals"
	"sigs.k8s.io/yaml"
)

// manifests are the values of what people without Helm apply.
func manifests() map[string]string {
	return map[string]string{
		"wsproxy.yaml": `
kafka: {bootstrapHosts: "kafka:9092"}
fullnameOverride: wsproxy
tests: {enabled: false}
`,
		"wsproxy-trial.yaml": `
devBroker: {enabled: true}
fullnameOverride: wsproxy
replicaCount: 1
podDisruptionBudget: {enabled: false}
tests: {enabled: false}
`,
	}
}

func TestManifests(t *testing.T) {
	for name, text := range manifests() {
		var out strings.Builder
		out.WriteString("# Made from charts/wsproxy by its tests; see README.md.\n")
		for _, o := range render(t, text) {
			plain(o)
			document, err := yaml.Marshal(o)
			if err != nil {
				t.Fatal(err)
			}
			out.WriteString("---\n" + string(document))
		}
		same(t, root+"deploy/manifests/"+name, []byte(out.String()))
	}
}

// plain takes away what only Helm knows of: its labels and the namespace of the release.
func plain(o object) {
	delete(o.under("metadata"), "namespace")
	places := []object{o.under("metadata", "labels")}
	if path := o.pod(); path != nil {
		places = append(places, o.under(append(path, "metadata", "labels")...))
	}
	for _, labels := range places {
		delete(labels, "helm.sh/chart")
		delete(labels, "app.kubernetes.io/managed-by")
	}
}

// TestChartFiles: Helm reads nothing outside of a chart, so that what it shares with deploy is
// there twice.
func TestChartFiles(t *testing.T) {
	copies := map[string]string{"prometheus/rules.yaml": "rules.yaml"}
	dashboards, err := filepath.Glob(root + "deploy/grafana/dashboards/*.json")
	if err != nil || len(dashboards) == 0 {
		t.Fatalf("%d dashboards: %v", len(dashboards), err)
	}
	for _, path := range dashboards {
		copies["grafana/dashboards/"+filepath.Base(path)] = "dashboards/" + filepath.Base(path)
	}
	for from, to := range copies {
		text, err := os.ReadFile(root + "deploy/" + from)
		if err != nil {
			t.Fatal(err)
		}
		same(t, chartDir+"/files/"+to, text)
	}
	if made, err := filepath.Glob(chartDir + "/files/dashboards/*"); err != nil || len(made) != len(dashboards) {
		t.Errorf("the chart has %d dashboards, deploy %d: %v", len(made), len(dashboards), err)
	}
}

// TestWorkflows is actionlint.
func TestWorkflows(t *testing.T) {
	paths, err := filepath.Glob(root + ".github/workflows/*.yml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d workflows: %v", len(paths), err)
	}
	linter, err := actionlint.NewLinter(os.Stderr, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	faults, err := linter.LintFiles(paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Error(fault)
	}
}

// TestSkaffold renders the chart with the values that Skaffold sets, which must be values.
func TestSkaffold(t *testing.T) {
	file := readYAML(t, root+"skaffold.yaml")
	release := file.under("deploy", "helm", "releases", 0)
	set := release.under("setValues")
	for name := range release.under("setValueTemplates") {
		set[name] = ""
	}
	set["image.repository"] = "registry.example.org/wsproxy"
	nested := map[string]any{}
	for name, value := range set {
		if err := strvals.ParseInto(fmt.Sprintf("%s=%v", name, value), nested); err != nil {
			t.Fatal(err)
		}
	}
	text, err := yaml.Marshal(nested)
	if err != nil {
		t.Fatal(err)
	}
	all := render(t, string(text))
	for _, forward := range file.list("portForward") {
		all.find(t, "Service", forward.text("resourceName"))
	}
	if got, want := release.text("chartPath"), strings.TrimPrefix(chartDir, root); got != want {
		t.Errorf("the chart is %s, want %s", got, want)
	}
}

// TestCompose: what is mounted exists, and the proxy gets the time to end that the chart gives it.
func TestCompose(t *testing.T) {
	services := readYAML(t, root+"deploy/compose.yaml").under("services")
	for name := range services {
		mounts, _ := services.at(name, "volumes").([]any)
		for _, mount := range mounts {
			path, _, _ := strings.Cut(fmt.Sprint(mount), ":")
			if _, err := os.Stat(root + "deploy/" + path); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	deployment := render(t, manifests()["wsproxy.yaml"]).find(t, "Deployment", "wsproxy")
	want := fmt.Sprintf("%vs", deployment.at("spec", "template", "spec", "terminationGracePeriodSeconds"))
	if got := services.text("wsproxy", "stop_grace_period"); got != want {
		t.Errorf("the proxy gets %s to end, want %s", got, want)
	}
}

func readYAML(t *testing.T, path string) object {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var o object
	if err := yaml.UnmarshalStrict(text, &o); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return o
}
