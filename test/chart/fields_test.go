package chart

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestEgressPorts: what the values name can be reached, and nothing else.
func TestEgressPorts(t *testing.T) {
	for name, test := range map[string]struct{ values, want string }{
		"brokers":         {`kafka: {bootstrapHosts: "a:9093,b:9093,[fd00::1]:9094"}`, "9093 9094"},
		"more of them":    {broker + `networkPolicy: {egress: {kafkaPorts: [9095]}}`, "9092 9095"},
		"tokens":          {`kafka: {bootstrapHosts: "a:1", securityProtocol: SASL_SSL, sasl: {mechanism: OAUTHBEARER, existingSecret: s, oauth: {tokenUrl: "https://id.example.org:8443/token?a=b:1"}}}`, "1 8443"},
		"OpenID":          {broker + `auth: {openid: {enabled: true, wellKnown: "https://id.example.org/.well-known/openid-configuration"}}`, "443 9092"},
		"traces":          {broker + `traces: {endpoint: "http://collector:4318"}`, "4318 9092"},
		"traces, no port": {broker + `traces: {endpoint: "http://collector/v1"}`, "80 9092"},
	} {
		t.Run(name, func(t *testing.T) {
			text := test.values
			if strings.Contains(text, "networkPolicy: {") {
				text = strings.Replace(text, "egress: {", "enabled: true, egress: {enabled: true, ", 1)
			} else {
				text += "\nnetworkPolicy: {enabled: true, egress: {enabled: true}}"
			}
			var ports []string
			for _, port := range render(t, text).find(t, "NetworkPolicy", "proxy-wsproxy").list("spec", "egress", 1, "ports") {
				ports = append(ports, fmt.Sprint(port["port"]))
			}
			if got := strings.Join(ports, " "); got != test.want {
				t.Errorf("ports %s, want %s", got, test.want)
			}
		})
	}
}

// TestOpenShift: without ids of the chart's own, the pods keep the rest of the restricted profile.
func TestOpenShift(t *testing.T) {
	spec := render(t, cases(t)["openshift-values"]).find(t, "Deployment", "proxy-wsproxy").under("spec", "template", "spec", "securityContext")
	want := object{"runAsNonRoot": true, "seccompProfile": map[string]any{"type": "RuntimeDefault"}}
	if !reflect.DeepEqual(spec, want) {
		t.Errorf("the pods have %v, want %v", spec, want)
	}
}

func TestImageRegistry(t *testing.T) {
	for repository, want := range map[string]string{
		"ghcr.io/wsproxy/proxy":            "mirror.example.org/ghcr/wsproxy/proxy:1",
		"localhost:5000/wsproxy":           "mirror.example.org/ghcr/wsproxy:1",
		"wsproxy/proxy":                    "mirror.example.org/ghcr/wsproxy/proxy:1",
		"registry.example.org/a/b/wsproxy": "mirror.example.org/ghcr/a/b/wsproxy:1",
	} {
		all := render(t, broker+"global: {imageRegistry: mirror.example.org/ghcr}\nimage: {tag: \"1\", repository: \""+repository+"\"}")
		if got := all.find(t, "Deployment", "proxy-wsproxy").text("spec", "template", "spec", "containers", 0, "image"); got != want {
			t.Errorf("%s: %s, want %s", repository, got, want)
		}
	}
}

// TestFamiliesOfAddresses: all services have them, and fixed addresses and ports are the default pool's alone.
func TestFamiliesOfAddresses(t *testing.T) {
	all := render(t, cases(t)["dual-stack-values"])
	for _, name := range all.names("Service") {
		service := all.find(t, "Service", name).under("spec")
		if got := fmt.Sprintln(service["ipFamilyPolicy"], service["ipFamilies"]); got != "RequireDualStack [IPv6 IPv4]\n" {
			t.Errorf("%s: %s", name, got)
		}
	}
	first, pool := all.find(t, "Service", "proxy-wsproxy").under("spec"), all.find(t, "Service", "proxy-wsproxy-reports").under("spec")
	if first.text("clusterIP") != "fd00::8" || first.at("ports", 0, "nodePort") != 30078.0 {
		t.Errorf("the default pool's service is %v", first)
	}
	if pool["clusterIP"] != nil || pool.at("ports", 0, "nodePort") != nil {
		t.Errorf("the pool's service is %v", pool)
	}
	if got := environment(t, all.find(t, "Deployment", "proxy-wsproxy"))["WSPROXY_KAFKA_BOOTSTRAP_HOSTS"]; got != "[fd00::9]:9092" {
		t.Errorf("the broker is %s", got)
	}
	arguments := fmt.Sprint(all.find(t, "Deployment", "proxy-wsproxy-dev-broker").at("spec", "template", "spec", "containers", 0, "args"))
	if !strings.Contains(arguments, "--listen=0.0.0.0:9092 --advertise=[fd00::9]:9092") {
		t.Errorf("the broker's arguments are %s", arguments)
	}
}

// TestRack: the zone of the node comes by the pod's label, without any rights.
func TestRack(t *testing.T) {
	for _, e := range render(t, cases(t)["dual-stack-values"]).find(t, "Deployment", "proxy-wsproxy").list("spec", "template", "spec", "containers", 0, "env") {
		if e.text("name") == "WSPROXY_KAFKA_RACK" {
			if got := e.text("valueFrom", "fieldRef", "fieldPath"); got != "metadata.labels['topology.kubernetes.io/zone']" {
				t.Errorf("the rack is %s", got)
			}
			return
		}
	}
	t.Error("there is no rack")
}

// TestCertificatesOfHosts: a host with a certificate of its own is not in the one that the others share.
func TestCertificatesOfHosts(t *testing.T) {
	got := map[string]string{}
	for _, tls := range render(t, cases(t)["ingress-values"]).find(t, "Ingress", "proxy-wsproxy").list("spec", "tls") {
		got[tls.text("secretName")] = fmt.Sprint(tls["hosts"])
	}
	want := map[string]string{"other": "[other.example.net]", "proxy-wsproxy-ingress-tls": "[proxy.example.org proxy.example.com]"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestShapeOfPods: what a platform asks of pods is where Kubernetes looks for it.
func TestShapeOfPods(t *testing.T) {
	all := render(t, cases(t)["pods-values"])
	deployment := all.find(t, "Deployment", "proxy-wsproxy")
	spec := deployment.under("spec", "template", "spec")
	for path, want := range map[string]string{
		"schedulerName": "other", "runtimeClassName": "gvisor", "dnsPolicy": "None",
		"dnsConfig": "map[nameservers:[192.0.2.53] options:[map[name:ndots value:2]]]",
	} {
		if got := fmt.Sprint(spec[path]); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	container := spec.under("containers", 0)
	if got := fmt.Sprintln(container["lifecycle"], container.text("startupProbe", "httpGet", "path")); got != "map[preStop:map[sleep:map[seconds:1]]] /livez\n" {
		t.Error(got)
	}
	if got := deployment.text("metadata", "namespace") + " " + deployment.text("metadata", "annotations", "example.org/restart"); got != "edge true" {
		t.Error(got)
	}
	budget := all.find(t, "PodDisruptionBudget", "proxy-wsproxy").under("spec")
	if budget["minAvailable"] != "50%" || budget["maxUnavailable"] != nil {
		t.Errorf("the disruption budget is %v", budget)
	}
}
