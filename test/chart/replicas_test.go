package chart

import (
	"fmt"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"sigs.k8s.io/yaml"
)

// running is a cluster in which the chart's Deployment has a number of replicas.
type running int64

// GetClientFor implements engine.ClientProvider.
func (replicas running) GetClientFor(_, _ string) (dynamic.NamespaceableResourceInterface, bool, error) {
	live := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment",
		"metadata": map[string]any{"name": "proxy-wsproxy", "namespace": "streams"},
		"spec":     map[string]any{"replicas": int64(replicas)},
	}}
	deployments := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	return fake.NewSimpleDynamicClient(runtime.NewScheme(), live).Resource(deployments), true, nil
}

// upgraded returns the Deployment with which an upgrade replaces one of so many replicas.
func upgraded(t *testing.T, replicas running, text string) object {
	t.Helper()
	c := load(t)
	release := chartutil.ReleaseOptions{Name: "proxy", Namespace: "streams", Revision: 2, IsUpgrade: true}
	all, err := chartutil.ToRenderValues(c, values(t, text), release, chartutil.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	made, err := engine.RenderWithClientProvider(c, all, replicas)
	if err != nil {
		t.Fatal(err)
	}
	var o object
	if err := yaml.Unmarshal([]byte(made["wsproxy/templates/deployment.yaml"]), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestSwitchingAnAutoscalerOnTakesNoReplica: a number that Helm once set and then leaves out becomes 1.
func TestSwitchingAnAutoscalerOnTakesNoReplica(t *testing.T) {
	for name, test := range map[string]struct {
		live   running
		values string
		want   string
	}{
		"to an HPA":                   {6, `autoscaling: {mode: hpa, minReplicas: 6}`, "6"},
		"to KEDA":                     {6, `autoscaling: {mode: keda, minReplicas: 6}`, "6"},
		"more than the fewest":        {9, `autoscaling: {mode: hpa, minReplicas: 2}`, "9"},
		"fewer than the fewest":       {2, `autoscaling: {mode: hpa, minReplicas: 6}`, "6"},
		"none at all":                 {0, `autoscaling: {mode: hpa, minReplicas: 2}`, "2"},
		"without an autoscaler again": {6, `replicaCount: 3`, "3"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(upgraded(t, test.live, broker+test.values).at("spec", "replicas")); got != test.want {
				t.Errorf("the upgrade sets %s replicas, want %s", got, test.want)
			}
		})
	}
}

// TestWhatIsOnlyRenderedLeavesReplicasToTheAutoscaler: tools that apply what `helm template` prints would set the number anew each time.
func TestWhatIsOnlyRenderedLeavesReplicasToTheAutoscaler(t *testing.T) {
	for _, mode := range []string{"hpa", "keda"} {
		deployment := render(t, broker+"autoscaling: {mode: "+mode+"}").find(t, "Deployment", "proxy-wsproxy")
		if got := deployment.at("spec", "replicas"); got != nil {
			t.Errorf("%s: %v replicas are rendered", mode, got)
		}
	}
}

// TestFallback: KEDA is told what to do without its triggers where that is asked for, and else keeps what there is.
func TestFallback(t *testing.T) {
	const keda = broker + "autoscaling: {mode: keda, minReplicas: 3, connections: 100, keda: {prometheus: \"http://prometheus\"%s}}"
	spec := render(t, fmt.Sprintf(keda, "")).find(t, "ScaledObject", "proxy-wsproxy").under("spec")
	if spec["fallback"] != nil {
		t.Errorf("there is a fallback: %v", spec["fallback"])
	}
	spec = render(t, fmt.Sprintf(keda, ", fallback: {failureThreshold: 3, replicas: 6, behavior: currentReplicasIfHigher}")).
		find(t, "ScaledObject", "proxy-wsproxy").under("spec")
	if got, want := fmt.Sprint(spec["fallback"]), "map[behavior:currentReplicasIfHigher failureThreshold:3 replicas:6]"; got != want {
		t.Errorf("the fallback is %s, want %s", got, want)
	}
}
