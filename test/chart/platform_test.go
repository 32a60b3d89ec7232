package chart

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ofTheRelease is how manifests name the namespace in which tests render a release.
var ofTheRelease = regexp.MustCompile(`\.streams\.svc|namespace[:=]? ?"?streams\b`)

// TestNamespaceOverride: with a namespace of its own nothing names that of the release any more.
func TestNamespaceOverride(t *testing.T) {
	for name, text := range cases(t) {
		if !strings.Contains(text, "namespaceOverride:") {
			text += "\nnamespaceOverride: edge"
		}
		made, err := files(t, text)
		if err != nil {
			t.Fatal(name, err)
		}
		for file, content := range made {
			if found := ofTheRelease.FindString(content); found != "" {
				t.Errorf("%s: %s has %q", name, file, found)
			}
		}
	}
}

// TestEveryImageIsTheMirrors: the test's and the trial broker's as well.
func TestEveryImageIsTheMirrors(t *testing.T) {
	const mirror = "mirror.example.org/wsproxy/kafka-websocket-proxy:1"
	images := map[string]bool{}
	for _, o := range render(t, "devBroker: {enabled: true}\nimage: {tag: \"1\"}\nglobal: {imageRegistry: mirror.example.org}") {
		for _, c := range o.list(append(o.pod(), "spec", "containers")...) {
			images[c.text("image")] = true
		}
	}
	if got := slices.Collect(maps.Keys(images)); !slices.Equal(got, []string{mirror}) {
		t.Errorf("images are %v, want %s alone", got, mirror)
	}
}

// TestOpenShiftGivesAllPodsTheirIDs: no pod of the chart asks for ids that restricted-v2 refuses.
func TestOpenShiftGivesAllPodsTheirIDs(t *testing.T) {
	pods := 0
	for _, o := range render(t, "devBroker: {enabled: true}\npodSecurityContext: {runAsUser: null, runAsGroup: null, fsGroup: null}") {
		path := o.pod()
		if path == nil {
			continue
		}
		pods++
		for _, id := range []string{"runAsUser", "runAsGroup", "fsGroup"} {
			if got, ok := o.under(append(path, "spec", "securityContext")...)[id]; ok {
				t.Errorf("%s %s: %s is %v", o.kind(), o.name(), id, got)
			}
		}
	}
	if pods != 3 {
		t.Errorf("%d pods", pods)
	}
}

// TestExtraObjects: maps and texts are objects of the release, and both may hold templates.
func TestExtraObjects(t *testing.T) {
	all := render(t, broker+`
extraObjects:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ include "wsproxy.fullname" . }}-map'}, data: {a: b}}
  - |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: {{ .Release.Name }}-text}
`)
	if got := all.find(t, "ConfigMap", "proxy-wsproxy-map").text("data", "a"); got != "b" {
		t.Errorf("data is %q", got)
	}
	all.find(t, "ConfigMap", "proxy-text")
}

// TestThePolicyOfTheTrialBroker: only pods of the proxy reach it, at its port, and it reaches nobody.
func TestThePolicyOfTheTrialBroker(t *testing.T) {
	all := render(t, "devBroker: {enabled: true}\nnetworkPolicy: {enabled: true}")
	spec := all.find(t, "NetworkPolicy", "proxy-wsproxy-dev-broker").under("spec")
	broker := all.find(t, "Deployment", "proxy-wsproxy-dev-broker").under("spec", "template", "metadata", "labels")
	proxy := all.find(t, "Deployment", "proxy-wsproxy").under("spec", "template", "metadata", "labels")
	both := map[string]object{"broker": broker, "proxy": proxy}
	if got := matching(spec.under("podSelector", "matchLabels"), both); !slices.Equal(got, []string{"broker"}) {
		t.Errorf("it is for the pods of %v", got)
	}
	if got := matching(spec.under("ingress", 0, "from", 0, "podSelector", "matchLabels"), both); !slices.Equal(got, []string{"proxy"}) {
		t.Errorf("it lets in %v", got)
	}
	want := `{"egress":null,"ingress":1,"policyTypes":["Ingress","Egress"],"ports":[{"port":"kafka"}]}`
	got, err := json.Marshal(map[string]any{
		"policyTypes": spec["policyTypes"], "egress": spec["egress"], "ingress": len(spec.list("ingress")), "ports": spec.at("ingress", 0, "ports"),
	})
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

// TestFilesOfSecretsCanBeReread: Kubernetes updates what is mounted whole, and never a subPath. Limits, which are read at the start only,
// restart the pods when they change.
func TestFilesOfSecretsCanBeReread(t *testing.T) {
	for name, text := range cases(t) {
		for _, o := range render(t, text) {
			for _, mount := range o.list("spec", "template", "spec", "containers", 0, "volumeMounts") {
				if strings.HasPrefix(mount.text("mountPath"), "/etc/wsproxy/") && (mount["subPath"] != nil || mount["readOnly"] != true) {
					t.Errorf("%s: %s of %s is mounted as %v", name, mount.text("name"), o.name(), mount)
				}
			}
		}
	}
	sums := map[string]bool{}
	for _, limit := range []string{"4", "5", "4"} {
		pod := render(t, broker+"clientLimits: {limits: {consumers: {static: [{group-id: a, max-connections: "+limit+"}]}}}").
			find(t, "Deployment", "proxy-wsproxy").under("spec", "template")
		sums[pod.text("metadata", "annotations", "checksum/limits")] = true
	}
	if len(sums) != 2 || sums[""] {
		t.Errorf("limits of 4 and of 5 have the sums %v", sums)
	}
}
