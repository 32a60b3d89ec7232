package chart

import (
	"fmt"
	"os"
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

// TestLoadBalancersThatProbeAskThePortThatTheyServe: the management port has other paths, and is closed to them by a network policy.
func TestLoadBalancersThatProbeAskThePortThatTheyServe(t *testing.T) {
	for name, probe := range map[string]func(objects) (path, port any){
		"ingress-aws-alb": func(all objects) (path, port any) {
			annotations := all.find(t, "Ingress", "proxy-wsproxy").under("metadata", "annotations")
			path, port = annotations["alb.ingress.kubernetes.io/healthcheck-path"], annotations["alb.ingress.kubernetes.io/healthcheck-port"]
			if port == "traffic-port" && annotations["alb.ingress.kubernetes.io/target-type"] == "ip" {
				port = 8078.0
			}
			return path, port
		},
		"ingress-azure-agic": func(all objects) (path, port any) {
			annotations := all.find(t, "Ingress", "proxy-wsproxy").under("metadata", "annotations")
			return annotations["appgw.ingress.kubernetes.io/health-probe-path"], annotations["appgw.ingress.kubernetes.io/health-probe-port"]
		},
		"ingress-gke": func(all objects) (path, port any) {
			check := all.find(t, "BackendConfig", "wsproxy").under("spec", "healthCheck")
			return check["requestPath"], check["port"]
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := render(t, cases(t)[name])
			serves := all.find(t, "Deployment", "proxy-wsproxy").under("spec", "template", "spec", "containers", 0, "ports", 0)
			path, port := probe(all)
			if path != "/ready" || fmt.Sprint(port) != fmt.Sprint(serves["containerPort"]) || serves["name"] != "http" {
				t.Errorf("it asks %v at %v, and is served at %v", path, port, serves)
			}
		})
	}
}

// TestTheTableOfLoadBalancers: each example has a row, and each row says something in every column.
func TestTheTableOfLoadBalancers(t *testing.T) {
	page, err := os.ReadFile(root + "docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n| in front |")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	columns := strings.Count(rows[0], "|") + 1 // the first one is cut off
	for _, row := range rows[2:] {
		cells := strings.Split(strings.Trim(row, "|"), "|")
		for _, cell := range cells {
			if strings.TrimSpace(cell) == "" {
				t.Errorf("a cell is empty: %s", row)
			}
		}
		if len(cells) != columns {
			t.Errorf("%d cells, and %d columns: %s", len(cells), columns, row)
		}
	}
	for name := range cases(t) {
		front := strings.HasPrefix(name, "ingress-") || strings.HasPrefix(name, "gateway-") || strings.HasPrefix(name, "mesh-")
		if front && !strings.HasSuffix(name, "-values") && !strings.Contains(table, "| `"+name+".yaml` |") {
			t.Errorf("%s has no row", name)
		}
	}
}

// TestASidecarOutlivesTheProxy: Istio's sidecar carries the sockets until the pod's time is over.
func TestASidecarOutlivesTheProxy(t *testing.T) {
	pod := render(t, cases(t)["mesh-istio"]).find(t, "Deployment", "proxy-wsproxy").under("spec", "template")
	want := fmt.Sprintf(`"terminationDrainDuration": "%vs"`, pod.at("spec", "terminationGracePeriodSeconds"))
	if got := pod.text("metadata", "annotations", "proxy.istio.io/config"); !strings.Contains(got, want) {
		t.Errorf("the sidecar has %s, want %s", got, want)
	}
}
