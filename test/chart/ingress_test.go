package chart

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// pingInterval is how often the proxy pings quiet clients, by default.
const pingInterval = 25 * time.Second

// TestLoadBalancersLetQuietSocketsLive: what an example says of idle connections is more than twice the time between pings, and
// it names whose X-Forwarded-For is believed.
func TestLoadBalancersLetQuietSocketsLive(t *testing.T) {
	examples := 0
	for name, text := range cases(t) {
		if !strings.HasPrefix(name, "ingress-") || strings.HasSuffix(name, "-values") {
			continue
		}
		examples++
		t.Run(name, func(t *testing.T) {
			all := render(t, text)
			ingress := all.find(t, "Ingress", "proxy-wsproxy")
			for annotation, value := range ingress.under("metadata", "annotations") {
				limit := idleLimit(t, annotation, fmt.Sprint(value))
				if limit > 0 && limit <= 2*pingInterval {
					t.Errorf("%s: %v", annotation, limit)
				}
			}
			if trusted := environment(t, all.find(t, "Deployment", "proxy-wsproxy"))["WSPROXY_TRUSTED_PROXIES"]; trusted == "" || strings.Contains(trusted, "/0") {
				t.Errorf("trusted proxies: %q", trusted)
			}
		})
	}
	if examples < 7 {
		t.Errorf("%d examples", examples)
	}
}

// idleLimit reads how long a connection may be quiet, 0 where an annotation is about something else.
func idleLimit(t *testing.T, annotation, value string) time.Duration {
	t.Helper()
	switch {
	case strings.HasSuffix(annotation, "/load-balancer-attributes"):
		value = strings.TrimPrefix(value, "idle_timeout.timeout_seconds=")
	case strings.Contains(annotation, "health"), !strings.Contains(annotation, "timeout"), strings.Contains(annotation, "draining"):
		return 0
	}
	if !strings.HasSuffix(value, "h") {
		value += "s"
	}
	limit, err := time.ParseDuration(value)
	if err != nil {
		t.Errorf("%s: %v", annotation, err)
	}
	return limit
}

// TestASidecarOutlivesTheProxy: Istio's sidecar carries the sockets until the pod's time is over.
func TestASidecarOutlivesTheProxy(t *testing.T) {
	pod := render(t, cases(t)["mesh-istio"]).find(t, "Deployment", "proxy-wsproxy").under("spec", "template")
	want := fmt.Sprintf(`"terminationDrainDuration": "%vs"`, pod.at("spec", "terminationGracePeriodSeconds"))
	if got := pod.text("metadata", "annotations", "proxy.istio.io/config"); !strings.Contains(got, want) {
		t.Errorf("the sidecar has %s, want %s", got, want)
	}
}
