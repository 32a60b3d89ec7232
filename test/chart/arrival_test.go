package chart

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// arrival is where a value is found again: in each object of a kind that belongs to the proxy, of every pool.
type arrival struct {
	values, kind, path, want string // want as JSON
}

const (
	pod       = "spec/template/spec/"
	container = pod + "containers/0/"
)

// arrivalsInPods are the values that shape pods and their Deployments.
func arrivalsInPods() []arrival {
	return []arrival{
		{`deploymentAnnotations: {example.org/restart: "true"}`, "Deployment", "metadata/annotations", `{"example.org/restart":"true"}`},
		{`commonLabels: {team: a}`, "Deployment", "metadata/labels/team", `"a"`},
		{`commonAnnotations: {owner: a}`, "Deployment", "metadata/annotations/owner", `"a"`},
		{`podAnnotations: {a: b}`, "Deployment", "spec/template/metadata/annotations/a", `"b"`},
		{`podLabels: {a: b}`, "Deployment", "spec/template/metadata/labels/a", `"b"`},
		{`revisionHistoryLimit: 2`, "Deployment", "spec/revisionHistoryLimit", `2`},
		{`minReadySeconds: 7`, "Deployment", "spec/minReadySeconds", `7`},
		{`updateStrategy: {rollingUpdate: {maxSurge: 3}}`, "Deployment", "spec/strategy/rollingUpdate/maxSurge", `3`},
		{`namespaceOverride: edge`, "Deployment", "metadata/namespace", `"edge"`},
		{"global: {imageRegistry: mirror.example.org}\nimage: {tag: \"1\"}", "Deployment", container + "image", `"mirror.example.org/wsproxy/kafka-websocket-proxy:1"`},
		{`image: {pullPolicy: Always}`, "Deployment", container + "imagePullPolicy", `"Always"`},
		{`imagePullSecrets: [{name: a}]`, "Deployment", pod + "imagePullSecrets", `[{"name":"a"}]`},
		{`dnsConfig: {nameservers: [192.0.2.53]}`, "Deployment", pod + "dnsConfig", `{"nameservers":["192.0.2.53"]}`},
		{`dnsPolicy: None`, "Deployment", pod + "dnsPolicy", `"None"`},
		{`hostAliases: [{ip: 192.0.2.1, hostnames: [a]}]`, "Deployment", pod + "hostAliases", `[{"hostnames":["a"],"ip":"192.0.2.1"}]`},
		{`schedulerName: a`, "Deployment", pod + "schedulerName", `"a"`},
		{`runtimeClassName: a`, "Deployment", pod + "runtimeClassName", `"a"`},
		{`priorityClassName: a`, "Deployment", pod + "priorityClassName", `"a"`},
		{`nodeSelector: {a: b}`, "Deployment", pod + "nodeSelector", `{"a":"b"}`},
		{`tolerations: [{operator: Exists}]`, "Deployment", pod + "tolerations", `[{"operator":"Exists"}]`},
		{`affinity: {nodeAffinity: {}}`, "Deployment", pod + "affinity", `{"nodeAffinity":{}}`},
		{`serviceAccount: {create: false, name: a}`, "Deployment", pod + "serviceAccountName", `"a"`},
		{`lifecycle: {preStop: {sleep: {seconds: 1}}}`, "Deployment", container + "lifecycle", `{"preStop":{"sleep":{"seconds":1}}}`},
		{`startupProbe: {failureThreshold: 30}`, "Deployment", container + "startupProbe", `{"failureThreshold":30,"httpGet":{"path":"/livez","port":"management","scheme":"HTTP"}}`},
		{`livenessProbe: {failureThreshold: 9}`, "Deployment", container + "livenessProbe/failureThreshold", `9`},
		{`readinessProbe: {periodSeconds: 9}`, "Deployment", container + "readinessProbe/periodSeconds", `9`},
		{`resources: {requests: {cpu: "2"}}`, "Deployment", container + "resources/requests/cpu", `"2"`},
		{`extraEnvFrom: [{secretRef: {name: a}}]`, "Deployment", container + "envFrom", `[{"secretRef":{"name":"a"}}]`},
		{`extraVolumes: [{name: a, emptyDir: {}}]`, "Deployment", pod + "volumes", `[{"emptyDir":{},"name":"a"}]`},
		{`extraVolumeMounts: [{name: a, mountPath: /a}]`, "Deployment", container + "volumeMounts", `[{"mountPath":"/a","name":"a"}]`},
		{`initContainers: [{name: a}]`, "Deployment", pod + "initContainers", `[{"name":"a"}]`},
		{`extraContainers: [{name: a}]`, "Deployment", pod + "containers/1", `{"name":"a"}`},
		{`podSecurityContext: {runAsUser: null, runAsGroup: null, fsGroup: null}`, "Deployment", pod + "securityContext", `{"runAsNonRoot":true,"seccompProfile":{"type":"RuntimeDefault"}}`},
		{`topologySpreadConstraints: [{topologyKey: a, matchLabelKeys: [b], labelSelector: {}}]`, "Deployment", pod + "topologySpreadConstraints", `[{"labelSelector":{},"matchLabelKeys":["b"],"topologyKey":"a"}]`},
		{`auth: {basic: {enabled: true, existingSecret: a, htpasswdKey: users}}`, "Deployment", pod + "volumes", `[{"name":"htpasswd","secret":{"secretName":"a"}}]`},
		{`podDisruptionBudget: {minAvailable: 50%}`, "PodDisruptionBudget", "spec/minAvailable", `"50%"`},
		{`podDisruptionBudget: {minAvailable: 2}`, "PodDisruptionBudget", "spec/maxUnavailable", `null`},
		{`podDisruptionBudget: {maxUnavailable: 25%}`, "PodDisruptionBudget", "spec/maxUnavailable", `"25%"`},
	}
}

// arrivalsInServices are the fields of services. Fixed addresses and ports are the default pool's alone: TestFamiliesOfAddresses.
func arrivalsInServices() []arrival {
	return []arrival{
		{`service: {annotations: {a: b}}`, "Service", "metadata/annotations", `{"a":"b"}`},
		{`service: {labels: {a: b}}`, "Service", "metadata/labels/a", `"b"`},
		{`service: {type: LoadBalancer}`, "Service", "spec/type", `"LoadBalancer"`},
		{`service: {port: 80}`, "Service", "spec/ports/0/port", `80`},
		{`service: {trafficDistribution: PreferSameZone}`, "Service", "spec/trafficDistribution", `"PreferSameZone"`},
		{`service: {internalTrafficPolicy: Local}`, "Service", "spec/internalTrafficPolicy", `"Local"`},
		{`service: {externalTrafficPolicy: Local}`, "Service", "spec/externalTrafficPolicy", `"Local"`},
		{`service: {sessionAffinity: ClientIP}`, "Service", "spec/sessionAffinity", `"ClientIP"`},
		{`service: {loadBalancerIP: 192.0.2.1}`, "Service", "spec/loadBalancerIP", `"192.0.2.1"`},
		{`service: {loadBalancerClass: a.example.org/nlb}`, "Service", "spec/loadBalancerClass", `"a.example.org/nlb"`},
		{`service: {loadBalancerSourceRanges: [192.0.2.0/24]}`, "Service", "spec/loadBalancerSourceRanges", `["192.0.2.0/24"]`},
		{`service: {ipFamilyPolicy: PreferDualStack}`, "Service", "spec/ipFamilyPolicy", `"PreferDualStack"`},
		{`service: {ipFamilies: [IPv6]}`, "Service", "spec/ipFamilies", `["IPv6"]`},
	}
}

// TestValuesArriveInEveryPool: what a value says is where Kubernetes looks for it, for the default pool and for others, and is not there
// without the value.
func TestValuesArriveInEveryPool(t *testing.T) {
	const pools = broker + "pools: {reports: {groups: [reports]}}\n"
	plain := render(t, pools)
	for _, a := range slices.Concat(arrivalsInPods(), arrivalsInServices()) {
		t.Run(a.values, func(t *testing.T) {
			without, with := a.found(t, plain), a.found(t, render(t, pools+a.values))
			if len(with) != 2 {
				t.Fatalf("it is looked for in %d objects", len(with))
			}
			for name, got := range with {
				if got != a.want {
					t.Errorf("%s: %s is %s, want %s", name, a.path, got, a.want)
				}
				if without[name] == got {
					t.Errorf("%s: %s is %s without the value as well", name, a.path, got)
				}
			}
		})
	}
}

// found returns what is at the path in each object of the kind, as JSON.
func (a arrival) found(t *testing.T, all objects) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, o := range all {
		if o.kind() != a.kind || o.text("metadata", "labels", "app.kubernetes.io/component") != "proxy" {
			continue
		}
		text, err := json.Marshal(o.at(steps(a.path)...))
		if err != nil {
			t.Fatal(err)
		}
		found[o.name()] = string(text)
	}
	return found
}

// steps splits a path with slashes.
func steps(path string) []any {
	var found []any
	for step := range strings.SplitSeq(path, "/") {
		if index, err := strconv.Atoi(step); err == nil {
			found = append(found, index)
		} else {
			found = append(found, step)
		}
	}
	return found
}
