package chart

import (
	"fmt"
	"slices"
	"testing"
)

// TestHelmTest: a record goes through the service where a topic is known, with what clients need.
func TestHelmTest(t *testing.T) {
	for name, test := range map[string]struct{ values, arguments, env string }{
		"readiness alone":      {broker, "healthcheck --url=http://proxy-wsproxy-management.streams.svc:9078/readyz", ""},
		"a topic":              {broker + `tests: {topic: checks}`, "check --topic=checks --url=ws://proxy-wsproxy.streams.svc:8078", ""},
		"the broker of trials": {`devBroker: {enabled: true, topics: {b: 1, a: 1}}`, "check --topic=a --url=ws://proxy-wsproxy.streams.svc:8078", ""},
		"a path":               {broker + "pathPrefix: /kafka\ntests: {topic: checks}", "check --topic=checks --url=ws://proxy-wsproxy.streams.svc:8078/kafka", ""},
		"a fixed address":      {broker + "service: {clusterIP: \"fd00::8\"}\ntests: {topic: checks}", "check --topic=checks --url=ws://[fd00::8]:8078", ""},
		"TLS alone": {
			broker + "tls: {enabled: true, only: true, secretName: x}\ntests: {topic: checks}",
			"check --topic=checks --insecure --url=wss://proxy-wsproxy.streams.svc:8443", "",
		},
		"a user": {
			broker + "auth: {basic: {enabled: true, existingSecret: x}}\ntests: {topic: checks, existingSecret: s}",
			"check --topic=checks --url=ws://proxy-wsproxy.streams.svc:8078", "CHECK_PASSWORD=s/password CHECK_USERNAME=s/username ",
		},
		"a token": {
			broker + "auth: {openid: {enabled: true, wellKnown: \"https://x\"}}\ntests: {topic: checks, existingSecret: s, tokenKey: jwt}",
			"check --topic=checks --url=ws://proxy-wsproxy.streams.svc:8078", "CHECK_TOKEN=s/jwt ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			container := render(t, test.values).find(t, "Pod", "proxy-wsproxy-test").under("spec", "containers", 0)
			if got := fmt.Sprint(container["args"]); got != "["+test.arguments+"]" {
				t.Errorf("it runs %s\nwant %s", got, test.arguments)
			}
			env := ""
			for _, e := range container.list("env") {
				env += e.text("name") + "=" + e.text("valueFrom", "secretKeyRef", "name") + "/" + e.text("valueFrom", "secretKeyRef", "key") + " "
			}
			if env != test.env {
				t.Errorf("it has %s, want %s", env, test.env)
			}
		})
	}
}

// TestHelmTestPassesTheNetworkPolicy: it reaches what it asks whomever else the policy lets in, and nobody is let in for its sake without it.
func TestHelmTestPassesTheNetworkPolicy(t *testing.T) {
	const policy = broker + "networkPolicy: {enabled: true, from: [{podSelector: {matchLabels: {a: b}}}], managementFrom: [{podSelector: {matchLabels: {c: d}}}]}\n"
	for values, want := range map[string][]string{"": {"test"}, "tests: {enabled: false}": nil} {
		all := render(t, policy+values)
		pods := map[string]object{"proxy": all.find(t, "Deployment", "proxy-wsproxy").under("spec", "template", "metadata", "labels")}
		for _, name := range all.names("Pod") {
			pods["test"] = all.find(t, "Pod", name).under("metadata", "labels")
		}
		for _, rule := range all.find(t, "NetworkPolicy", "proxy-wsproxy").list("spec", "ingress") {
			var found []string
			for _, peer := range rule.list("from") {
				found = append(found, matching(peer.under("podSelector", "matchLabels"), pods)...)
			}
			if !slices.Equal(found, want) {
				t.Errorf("%q: %v lets in %v, want %v", values, rule["ports"], found, want)
			}
		}
	}
}
