package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/certs"
)

// TestCertificatesAreIdentities connects clients by TLS, with certificates whose names the policy has or
// has not, and without any.
func TestCertificatesAreIdentities(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		authority, folder, topic := certs.NewAuthority(t), t.TempDir(), k.topic(t, 4)
		cert, key := authority.Server(t).Write(t, folder)
		policy := newFile(t, fmt.Sprintf("rules:\n  - subjects: [alice, root]\n    produce: [%q]\n", topic))
		p := k.start(t, "SSL_ENABLED=true", "SSL_BIND_INTERFACE=127.0.0.1", "SSL_PORT=0", "SSL_CERT_FILE="+cert, "SSL_KEY_FILE="+key,
			"SSL_CLIENT_CA_FILE="+certs.Write(t, folder, "clients.pem", authority.PEM()), "ADMIN_SSL_ENABLED=false",
			"AUTHZ_POLICY_FILE="+policy.path, "BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=root", "BASIC_AUTH_PASSWORD=sesame")
		named := func(name string) []tls.Certificate { return []tls.Certificate{authority.Client(t, name).TLS(t)} }
		encrypted := "https://" + p.app.TLSAddr()
		for _, test := range []struct {
			name, address string
			certificates  []tls.Certificate
			authorization string
			status        int
		}{
			{"alice", encrypted, named("alice"), "", 101},
			{"bob, whom the policy does not know", encrypted, named("bob"), "", 403},
			{"without a name", encrypted, named(""), "", 401},
			{"without a certificate", encrypted, nil, "", 401},
			{"a password instead", encrypted, nil, basic("root", "sesame"), 101},
			{"a password, which counts more", encrypted, named("bob"), basic("root", "sesame"), 101},
			{"a wrong password, which counts more", encrypted, named("alice"), basic("root", "x"), 401},
			{"the plain listener", "http://" + p.addr, named("alice"), "", 401},
			{"of another CA", encrypted, []tls.Certificate{certs.NewAuthority(t).Client(t, "alice").TLS(t)}, "", 0},
		} {
			transport := &http.Transport{
				DisableKeepAlives: true,
				TLSClientConfig:   &tls.Config{RootCAs: authority.Pool(), Certificates: test.certificates, MinVersion: tls.VersionTLS12},
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, test.address+target("/socket/in", topic, nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
				"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Authorization": test.authorization,
			} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			got := 0
			if res, err := (&http.Client{Transport: transport, Timeout: patience}).Do(r); err == nil {
				got = res.StatusCode
				_ = res.Body.Close()
			}
			if got != test.status {
				t.Errorf("%s: got %d, want %d", test.name, got, test.status)
			}
		}
		counted := p.series(t, `wsproxy_auth_total{method="certificate"`)
		if !strings.Contains(counted, `outcome="accepted"} 2`) || !strings.Contains(counted, `outcome="refused"} 1`) {
			t.Errorf("counted is %s", counted)
		}
	})
}
