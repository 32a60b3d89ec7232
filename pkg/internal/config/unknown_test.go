package config_test

import (
	"slices"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

func TestUnknownVariablesWarn(t *testing.T) {
	tests := []struct{ name, entry, want string }{
		{"typing error", "WSPROXY_BIND_INTERFACES=x", "WSPROXY_BIND_INTERFACES: is unknown and ignored; did you mean WSPROXY_BIND_INTERFACE?"},
		{"forgotten part", "WSPROXY_BOOTSTRAP_HOSTS=x", "WSPROXY_BOOTSTRAP_HOSTS: is unknown and ignored; did you mean WSPROXY_KAFKA_BOOTSTRAP_HOSTS?"},
		{"file form", "WSPROXY_KAFKA_SASL_PASS_FILE=x", "WSPROXY_KAFKA_SASL_PASS_FILE: is unknown and ignored; did you mean WSPROXY_KAFKA_SASL_PASSWORD_FILE?"},
		{"a path has no file form", "WSPROXY_AUTHZ_POLICY_FILE_FILE=x", "WSPROXY_AUTHZ_POLICY_FILE_FILE: is unknown and ignored; did you mean WSPROXY_AUTHZ_POLICY_FILE?"},
		{"nothing near", "WSPROXY_XYZZY=x", "WSPROXY_XYZZY: is unknown and ignored"},
		{"prefix alone", "WSPROXY_=x", "WSPROXY_: is unknown and ignored"},
		{"name with a line break", "WSPROXY_A\nB=x", `"WSPROXY_A\nB": is unknown and ignored`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mustLoad(t, tt.entry)
			wantLines(t, warningsOf(t, tt.entry), tt.want)
		})
	}
}

func TestForeignVariablesAreLeftAlone(t *testing.T) {
	wantLines(t, warningsOf(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "PATH=/bin", "wsproxy_port=1"))
}

// TestVariablesOfClientsAreNoSettings holds for the forms with _FILE as well. A proxy says nothing about them.
func TestVariablesOfClientsAreNoSettings(t *testing.T) {
	settings := config.Settings(mustLoad(t))
	for _, name := range config.ClientVariables() {
		for _, s := range settings {
			if name == s.Name || name == s.Name+"_FILE" {
				t.Errorf("%s is a setting of the proxy", name)
			}
		}
		wantLines(t, warningsOf(t, name+"=x"))
	}
	if !slices.Contains(config.ClientVariables(), "WSPROXY_URL") {
		t.Error("the address is not among them")
	}
}

func TestServiceLinks(t *testing.T) {
	environ := []string{
		"WSPROXY_SERVICE_HOST=10.0.0.1",
		"WSPROXY_SERVICE_PORT=8078",
		"WSPROXY_SERVICE_PORT_HTTP=8078",
		"WSPROXY_PORT=tcp://10.0.0.1:8078",
		"WSPROXY_PORT_8078_TCP=tcp://10.0.0.1:8078",
		"WSPROXY_PORT_8078_TCP_PROTO=tcp",
		"WSPROXY_PORT_8078_TCP_PORT=8078",
		"WSPROXY_PORT_8078_TCP_ADDR=10.0.0.1",
		"WSPROXY_ADMIN_PORT=tcp://10.0.0.2:9078",
		"WSPROXY_OTHER_PORT=tcp://10.0.0.3:80",
	}
	wantLines(t, faultsOf(t, environ...),
		`WSPROXY_PORT: "tcp://10.0.0.1:8078" was put there by Kubernetes as the address of the Service "wsproxy": `+
			`set enableServiceLinks: false in the pod's spec, or give the Service another name`,
		`WSPROXY_ADMIN_PORT: "tcp://10.0.0.2:9078" was put there by Kubernetes as the address of the Service "wsproxy-admin": `+
			`set enableServiceLinks: false in the pod's spec, or give the Service another name`,
	)
	wantLines(t, warningsOf(t, environ...),
		"WSPROXY_OTHER_PORT, WSPROXY_PORT_8078_TCP, WSPROXY_PORT_8078_TCP_ADDR, WSPROXY_PORT_8078_TCP_PORT, "+
			"WSPROXY_PORT_8078_TCP_PROTO, WSPROXY_SERVICE_HOST, WSPROXY_SERVICE_PORT, WSPROXY_SERVICE_PORT_HTTP: "+
			"set by Kubernetes for a Service, ignored; enableServiceLinks: false in the pod's spec keeps them away")
}

func TestServiceLinksOfAnUnusedPortOnlyFault(t *testing.T) {
	_, _, err := load(t, "WSPROXY_SSL_PORT=tcp://10.0.0.1:8443")
	want := `WSPROXY_SSL_PORT: "tcp://10.0.0.1:8443" was put there by Kubernetes as the address of the Service "wsproxy-ssl": ` +
		`set enableServiceLinks: false in the pod's spec, or give the Service another name`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
