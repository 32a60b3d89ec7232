package chart

import (
	"fmt"
	"slices"
	"testing"
)

// TestLagCredentials: KEDA asks Kafka with what the proxy has. Its kafka trigger takes all of it,
// even the token endpoint, from a TriggerAuthentication alone.
func TestLagCredentials(t *testing.T) {
	const values = "kafka: {bootstrapHosts: \"kafka:9092\", %s}\n" +
		"autoscaling: {mode: keda, keda: {lag: [{group: reports, topic: orders, threshold: 100}]}}\n"
	for name, test := range map[string]struct {
		kafka string
		want  []string // source, parameter and where it is
	}{
		"none needed": {``, nil},
		"SCRAM": {`securityProtocol: SASL_PLAINTEXT, sasl: {mechanism: SCRAM-SHA-512, existingSecret: user}`, []string{
			"secretTargetRef password user/password", "secretTargetRef username user/username",
		}},
		"OAuth": {`securityProtocol: SASL_SSL, sasl: {mechanism: OAUTHBEARER, existingSecret: user, oauth: {tokenUrl: "https://id.example.org", scope: a}}`, []string{
			"env oauthTokenEndpointUri wsproxy/WSPROXY_KAFKA_SASL_OAUTH_TOKEN_URL", "env scopes wsproxy/WSPROXY_KAFKA_SASL_OAUTH_SCOPE",
			"secretTargetRef password user/client-secret", "secretTargetRef username user/client-id",
		}},
		"certificates": {`securityProtocol: SSL, tls: {caSecret: ca, clientCertSecret: client}`, []string{
			"secretTargetRef ca ca/ca.crt", "secretTargetRef cert client/tls.crt", "secretTargetRef key client/tls.key",
		}},
		"CAs in a ConfigMap": {`securityProtocol: SSL, tls: {caConfigMap: ca}`, []string{"configMapTargetRef ca ca/ca.crt"}},
	} {
		t.Run(name, func(t *testing.T) {
			all := render(t, fmt.Sprintf(values, test.kafka))
			trigger := all.find(t, "ScaledObject", "proxy-wsproxy").under("spec", "triggers", 0)
			var got []string
			if named := trigger.text("authenticationRef", "name"); named != "" {
				got = parameters(all.find(t, "TriggerAuthentication", named))
			} else if found := all.names("TriggerAuthentication"); found != nil {
				t.Errorf("no trigger names %v", found)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
			set := environment(t, all.find(t, "Deployment", "proxy-wsproxy"))
			for _, parameter := range got {
				var name string
				if n, _ := fmt.Sscanf(parameter, "env %s wsproxy/%s", new(string), &name); n == 2 && set[name] == "" {
					t.Errorf("%s is not set", name)
				}
			}
		})
	}
}

// TestLagOfAQueue: KEDA's kafka trigger knows no share groups, so that Prometheus is asked, and no credentials for Kafka are needed.
func TestLagOfAQueue(t *testing.T) {
	all := render(t, "kafka: {bootstrapHosts: \"kafka:9092\", securityProtocol: SASL_SSL, sasl: {mechanism: PLAIN}}\n"+
		"extraEnvFrom: [{secretRef: {name: x}}]\n"+
		"autoscaling: {mode: keda, keda: {prometheus: \"http://prometheus:9090\", lag: [{group: 'a \"b\\c', topic: orders, threshold: 100, queue: true}]}}\n")
	trigger := all.find(t, "ScaledObject", "proxy-wsproxy").under("spec", "triggers", 0)
	for member, want := range map[string]string{
		"type": "prometheus", "serverAddress": "http://prometheus:9090", "threshold": "100", "ignoreNullValues": "true",
		"query": `max(wsproxy_queue_lag{namespace="streams",group="a \"b\\c",topic="orders"})`,
	} {
		got := trigger.text("metadata", member)
		if member == "type" {
			got = trigger.text(member)
		}
		if got != want {
			t.Errorf("%s is %q, want %q", member, got, want)
		}
	}
	if found := all.names("TriggerAuthentication"); found != nil {
		t.Errorf("nobody needs %v", found)
	}
}

// TestTheWayToNothing: what KEDA takes for its way to 0 is handed to it where it is set, 0 as well, and else left out.
func TestTheWayToNothing(t *testing.T) {
	const keda = broker + "autoscaling: {mode: keda, keda: {prometheus: \"http://prometheus\", %s}}"
	for name, test := range map[string]struct{ values, want string }{
		"unset":      {`lag: [{group: a, topic: b, threshold: 1}, {group: a, topic: b, threshold: 1, queue: true}]`, "<nil> <nil> <nil>"},
		"set":        {`cooldownPeriod: 60, lag: [{group: a, topic: b, threshold: 1, activationLagThreshold: 5}, {group: a, topic: b, threshold: 1, queue: true, activationLagThreshold: 6}]`, "60 5 6"},
		"no waiting": {`cooldownPeriod: 0, lag: [{group: a, topic: b, threshold: 1}]`, "0 <nil> <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := render(t, fmt.Sprintf(keda, test.values)).find(t, "ScaledObject", "proxy-wsproxy").under("spec")
			got := fmt.Sprintf("%v %v %v", spec["cooldownPeriod"], spec.at("triggers", 0, "metadata", "activationLagThreshold"), spec.at("triggers", 1, "metadata", "activationThreshold"))
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// parameters returns what a TriggerAuthentication gives, in order.
func parameters(authentication object) []string {
	var found []string
	for _, source := range []struct{ name, of, at string }{
		{"env", "containerName", "name"}, {"configMapTargetRef", "name", "key"}, {"secretTargetRef", "name", "key"},
	} {
		for _, p := range authentication.list("spec", source.name) {
			found = append(found, fmt.Sprintf("%s %s %s/%s", source.name, p.text("parameter"), p.text(source.of), p.text(source.at)))
		}
	}
	slices.Sort(found)
	return found
}
