package chart

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const broker = "kafka: {bootstrapHosts: \"kafka:9092\"}\n"

// environment returns the variables of a Deployment's proxy; those from Secrets as name/key.
func environment(t *testing.T, o object) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, e := range o.list("spec", "template", "spec", "containers", 0, "env") {
		if _, twice := found[e.text("name")]; twice {
			t.Errorf("%s: %s is set twice", o.name(), e.text("name"))
		}
		value := e.text("value")
		if secret := e.text("valueFrom", "secretKeyRef", "name"); secret != "" {
			value = secret + "/" + e.text("valueFrom", "secretKeyRef", "key")
		}
		found[e.text("name")] = value
	}
	return found
}

// TestGrace: a pod gets the drain delay, the grace and 5 seconds, in whole seconds.
func TestGrace(t *testing.T) {
	for name, test := range map[string]struct {
		values string
		want   int
	}{
		"defaults":  {``, 35},
		"both":      {`config: {DRAIN_DELAY: 10s, SHUTDOWN_GRACE: 1m30s}`, 105},
		"one":       {`config: {SHUTDOWN_GRACE: 0s}`, 10},
		"fractions": {`config: {DRAIN_DELAY: 100ms, SHUTDOWN_GRACE: 1.5s}`, 7},
		"an hour":   {`config: {DRAIN_DELAY: 1h, SHUTDOWN_GRACE: 1h}`, 7205},
	} {
		t.Run(name, func(t *testing.T) {
			deployment := render(t, broker+test.values).find(t, "Deployment", "proxy-wsproxy")
			got := fmt.Sprint(deployment.at("spec", "template", "spec", "terminationGracePeriodSeconds"))
			if got != fmt.Sprint(test.want) {
				t.Errorf("%s s, want %d", got, test.want)
			}
			if deployment.at("spec", "template", "spec", "containers", 0, "lifecycle") != nil {
				t.Error("the container has a hook")
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	all := render(t, broker+`
memory: {derive: false}
config: {MAX_MESSAGE_BYTES: 10485760, MAX_CONNECTIONS: 20000, PPROF_ENABLED: true, ALLOWED_TOPICS: [a, "b*"], LOG_LEVEL: info}
extraEnv: [{name: WSPROXY_LOG_LEVEL, value: debug}]
auth: {admin: {existingSecret: admin}}
traces: {endpoint: "http://collector:4318"}
`)
	got := environment(t, all.find(t, "Deployment", "proxy-wsproxy"))
	want := map[string]string{
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS":     "kafka:9092",
		"WSPROXY_PORT":                      "8078",
		"WSPROXY_ADMIN_PORT":                "9078",
		"WSPROXY_MAX_MESSAGE_BYTES":         "10485760",
		"WSPROXY_MAX_CONNECTIONS":           "20000",
		"WSPROXY_PPROF_ENABLED":             "true",
		"WSPROXY_ALLOWED_TOPICS":            "a,b*",
		"WSPROXY_LOG_LEVEL":                 "debug",
		"WSPROXY_ADMIN_BASIC_AUTH_USERNAME": "admin/username",
		"WSPROXY_ADMIN_BASIC_AUTH_PASSWORD": "admin/password",
		"OTEL_EXPORTER_OTLP_ENDPOINT":       "http://collector:4318",
		"GOMEMLIMIT":                        "460MiB",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// TestMounts: what a variable names is mounted, and everything of a Secret that is mounted is used.
func TestMounts(t *testing.T) {
	for name, text := range cases(t) {
		t.Run(name, func(t *testing.T) {
			for _, o := range render(t, text) {
				if o.kind() != "Deployment" || o.text("metadata", "labels", "app.kubernetes.io/component") != "proxy" {
					continue
				}
				mounted := map[string]bool{}
				for _, mount := range o.list("spec", "template", "spec", "containers", 0, "volumeMounts") {
					if path := mount.text("mountPath"); strings.HasPrefix(path, "/etc/wsproxy/") {
						mounted[path] = false
					}
				}
				for variable, value := range environment(t, o) {
					if !strings.HasPrefix(value, "/etc/wsproxy/") {
						continue
					}
					folder := value[:strings.LastIndex(value, "/")]
					if _, ok := mounted[folder]; !ok {
						t.Errorf("%s is %s, which is not mounted", variable, value)
					}
					mounted[folder] = true
				}
				for path, used := range mounted {
					if !used {
						t.Errorf("nothing names a file in %s", path)
					}
				}
			}
		})
	}
}

// TestRestricted holds every pod to the restricted profile of the Pod Security Standards, and
// to a file system that cannot be written.
func TestRestricted(t *testing.T) {
	for name, text := range cases(t) {
		t.Run(name, func(t *testing.T) {
			for _, o := range render(t, text) {
				path := o.pod()
				if path == nil {
					continue
				}
				spec := o.under(append(path, "spec")...)
				for _, want := range []struct {
					path  []any
					value any
				}{
					{[]any{"securityContext", "runAsNonRoot"}, true},
					{[]any{"securityContext", "seccompProfile", "type"}, "RuntimeDefault"},
					{[]any{"automountServiceAccountToken"}, false},
					{[]any{"enableServiceLinks"}, false},
					{[]any{"containers", 0, "securityContext", "allowPrivilegeEscalation"}, false},
					{[]any{"containers", 0, "securityContext", "readOnlyRootFilesystem"}, true},
					{[]any{"containers", 0, "securityContext", "capabilities", "drop", 0}, "ALL"},
				} {
					if got := spec.at(want.path...); got != want.value {
						t.Errorf("%s %s: %v is %v, want %v", o.kind(), o.name(), want.path, got, want.value)
					}
				}
				for _, member := range []string{"hostNetwork", "hostPID", "hostIPC"} {
					if spec[member] != nil {
						t.Errorf("%s %s has %s", o.kind(), o.name(), member)
					}
				}
			}
		})
	}
}

// TestManagementPortStaysInside: no service that clients use, ingress or route leads to it.
func TestManagementPortStaysInside(t *testing.T) {
	for name, text := range cases(t) {
		t.Run(name, func(t *testing.T) {
			for _, o := range render(t, text) {
				text := fmt.Sprint(o["spec"])
				inside := o.text("metadata", "labels", "app.kubernetes.io/component") == "management"
				switch o.kind() {
				case "Service", "Ingress", "HTTPRoute":
					if !inside && (strings.Contains(text, "management") || strings.Contains(text, "9078")) {
						t.Errorf("%s %s leads to the management port", o.kind(), o.name())
					}
					if inside && o.text("spec", "clusterIP") != "None" {
						t.Errorf("service %s is not headless", o.name())
					}
				}
			}
		})
	}
}

// TestLabels: what selects pods selects those of one Deployment, and of no other.
func TestLabels(t *testing.T) {
	for name, text := range cases(t) {
		t.Run(name, func(t *testing.T) {
			all := render(t, text)
			pods := map[string]object{}
			for _, o := range all {
				if path := o.pod(); path != nil {
					pods[o.kind()+" "+o.name()] = o.under(append(path, "metadata", "labels")...)
				}
			}
			for _, o := range all {
				selector := o.under("spec", "selector", "matchLabels")
				if o.kind() == "Service" {
					selector = o.under("spec", "selector")
				}
				if selector == nil || strings.HasSuffix(o.kind(), "Monitor") {
					continue
				}
				if got := matching(selector, pods); len(got) != 1 && o.text("metadata", "labels", "app.kubernetes.io/component") != "management" {
					t.Errorf("%s %s selects %v", o.kind(), o.name(), got)
				}
			}
		})
	}
}

func matching(selector object, pods map[string]object) []string {
	var found []string
	for name, labels := range pods {
		ok := true
		for key, value := range selector {
			ok = ok && labels[key] == value
		}
		if ok {
			found = append(found, name)
		}
	}
	return found
}

func TestPools(t *testing.T) {
	all := render(t, cases(t)["pools-values"])
	if got, want := all.names("Deployment"), []string{"proxy-wsproxy", "proxy-wsproxy-audit", "proxy-wsproxy-reports"}; !slices.Equal(got, want) {
		t.Fatalf("deployments %v, want %v", got, want)
	}
	for name, want := range map[string]map[string]string{
		"proxy-wsproxy":         {"PATH_PREFIX": "/kafka", "ALLOWED_GROUPS": "", "LOG_LEVEL": "warn", "DRAIN_DELAY": "10s", "SHUTDOWN_GRACE": ""},
		"proxy-wsproxy-audit":   {"PATH_PREFIX": "/a", "ALLOWED_GROUPS": "audit.v[12]?", "LOG_LEVEL": "error", "DRAIN_DELAY": "10s"},
		"proxy-wsproxy-reports": {"PATH_PREFIX": "/reports", "ALLOWED_GROUPS": "reports,reports-*", "LOG_LEVEL": "info", "SHUTDOWN_GRACE": "2m"},
	} {
		got := environment(t, all.find(t, "Deployment", name))
		for setting, value := range want {
			if got["WSPROXY_"+setting] != value {
				t.Errorf("%s: %s is %q, want %q", name, setting, got["WSPROXY_"+setting], value)
			}
		}
	}
	grace := all.find(t, "Deployment", "proxy-wsproxy-reports").at("spec", "template", "spec", "terminationGracePeriodSeconds")
	if fmt.Sprint(grace) != "135" {
		t.Errorf("the pods of reports get %v s to end, want 135", grace)
	}
	for kind, want := range map[string][]string{
		"HorizontalPodAutoscaler": {"proxy-wsproxy"},
		"ScaledObject":            {"proxy-wsproxy-audit"},
		"TriggerAuthentication":   {"proxy-wsproxy-kafka"},
		"PodDisruptionBudget":     {"proxy-wsproxy", "proxy-wsproxy-audit"},
		"Service":                 {"proxy-wsproxy-management", "proxy-wsproxy", "proxy-wsproxy-audit", "proxy-wsproxy-reports"},
	} {
		if got := all.names(kind); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", kind, got, want)
		}
	}
	replicas := map[string]any{"proxy-wsproxy": nil, "proxy-wsproxy-audit": nil, "proxy-wsproxy-reports": 0.0}
	for name, want := range replicas {
		if got := all.find(t, "Deployment", name).at("spec", "replicas"); got != want {
			t.Errorf("%s has %v replicas, want %v", name, got, want)
		}
	}
}

// TestRoutes follows a request through the Ingress and through the HTTPRoute.
func TestRoutes(t *testing.T) {
	all := render(t, cases(t)["pools-values"])
	paths := map[string]string{}
	for _, p := range all.find(t, "Ingress", "proxy-wsproxy").list("spec", "rules", 0, "http", "paths") {
		paths[p.text("path")] = p.text("backend", "service", "name")
	}
	if want := map[string]string{"/kafka": "proxy-wsproxy", "/a": "proxy-wsproxy-audit", "/reports": "proxy-wsproxy-reports"}; !reflect.DeepEqual(paths, want) {
		t.Errorf("the ingress leads to %v, want %v", paths, want)
	}
	matches := map[string]string{}
	for _, r := range all.find(t, "HTTPRoute", "proxy-wsproxy").list("spec", "rules") {
		for _, m := range r.list("matches") {
			key := m.text("path", "value")
			if kind := m.text("queryParams", 0, "type"); kind != "" {
				key += " " + kind + " " + m.text("queryParams", 0, "value")
			}
			matches[key] = r.text("backendRefs", 0, "name")
		}
		if query := strings.Contains(fmt.Sprint(r["matches"]), "groupId"); query != (r["filters"] != nil) {
			t.Errorf("a rule by group is rewritten, another is not: %v", r)
		}
	}
	want := map[string]string{
		"/kafka": "proxy-wsproxy", "/a": "proxy-wsproxy-audit", "/reports": "proxy-wsproxy-reports",
		"/kafka/socket/out Exact reports":                        "proxy-wsproxy-reports",
		"/kafka/socket/out RegularExpression ^reports-[^/]*$":    "proxy-wsproxy-reports",
		`/kafka/socket/out RegularExpression ^audit\.v[12][^/]$`: "proxy-wsproxy-audit",
	}
	if !reflect.DeepEqual(matches, want) {
		t.Errorf("the route leads to %v\nwant %v", matches, want)
	}
}

// TestServicesThatAreReachedFromOutside have no plain port beside TLS, unless that is asked for.
func TestServicesThatAreReachedFromOutside(t *testing.T) {
	for name, test := range map[string]struct{ values, ports string }{
		"inside":            {`service: {type: ClusterIP}`, "http https"},
		"outside":           {`service: {type: LoadBalancer}`, "https"},
		"on nodes":          {`service: {type: NodePort}`, "https"},
		"outside, both":     {`service: {type: LoadBalancer, plain: true}`, "http https"},
		"outside, no TLS":   {"service: {type: LoadBalancer}\ntls: {enabled: false, secretName: \"\"}", "http"},
		"outside, TLS only": {"service: {type: LoadBalancer, plain: true}\ntls: {enabled: true, only: true, secretName: x}", "https"},
	} {
		values := test.values
		if !strings.Contains(values, "tls:") {
			values += "\ntls: {enabled: true, secretName: x}"
		}
		all := render(t, broker+"\n"+values+"\ningress: {enabled: true, hosts: [a.example.org]}\n")
		var ports []string
		for _, port := range all.find(t, "Service", "proxy-wsproxy").list("spec", "ports") {
			ports = append(ports, port.text("name"))
		}
		if got := strings.Join(ports, " "); got != test.ports {
			t.Errorf("%s: the service has the ports %s, want %s", name, got, test.ports)
		}
		backend := all.find(t, "Ingress", "proxy-wsproxy").text("spec", "rules", 0, "http", "paths", 0, "backend", "service", "port", "name")
		if !slices.Contains(ports, backend) {
			t.Errorf("%s: the ingress leads to port %s, which the service does not have", name, backend)
		}
	}
}

// TestProbes: they ask the management port, over TLS where it has TLS.
func TestProbes(t *testing.T) {
	for set, scheme := range map[string]string{"default-values": "HTTP", "security-values": "HTTPS", "tls-only-values": "HTTP"} {
		container := render(t, cases(t)[set]).find(t, "Deployment", "proxy-wsproxy").under("spec", "template", "spec", "containers", 0)
		for probe, path := range map[string]string{"livenessProbe": "/livez", "readinessProbe": "/readyz"} {
			got := container.under(probe)
			if got.text("httpGet", "path") != path || got.text("httpGet", "port") != "management" || got.text("httpGet", "scheme") != scheme {
				t.Errorf("%s: %s asks %v", set, probe, got["httpGet"])
			}
		}
	}
}

func TestNotes(t *testing.T) {
	for set, want := range map[string][]string{
		"default-values":    {"speaks to Kafka at kafka:9092", "port-forward service/proxy-wsproxy 8078:8078", "helm --namespace streams test proxy", "Nobody has to authenticate"},
		"tls-only-values":   {"port-forward service/proxy-wsproxy 8443:443", "wss://127.0.0.1:8443", "ws://proxy.example.org/socket/out"},
		"ingress-values":    {"wss://proxy.example.org/socket/out", "wss://proxy.example.com/socket/out"},
		"pools-values":      {"Pool reports serves the groups reports, reports-* under /reports", "under /a."},
		"dev-broker-values": {"at 10.96.0.92:9092", "forgets everything", "topic=demo"},
	} {
		made, err := files(t, cases(t)[set])
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if !strings.Contains(made["NOTES.txt"], part) {
				t.Errorf("%s: there is no %q in\n%s", set, part, made["NOTES.txt"])
			}
		}
	}
}
