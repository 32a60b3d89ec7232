package readme

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

// TestTenants gives the policy for tenants to a proxy, which refuses what is another's before it asks
// Kafka: there is none.
func TestTenants(t *testing.T) {
	rules := blockOf(t, security, "yaml tenants")
	file := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	settings, err := app.NewConfig(
		"WSPROXY_KAFKA_BOOTSTRAP_HOSTS=127.0.0.1:1", "WSPROXY_BIND_INTERFACE=127.0.0.1", "WSPROXY_PORT=0", "WSPROXY_ADMIN_PORT=0",
		"WSPROXY_DRAIN_DELAY=0s", "WSPROXY_SHUTDOWN_GRACE=1s", "WSPROXY_AUTHZ_POLICY_FILE="+file,
		"WSPROXY_BASIC_AUTH_ENABLED=true", "WSPROXY_BASIC_AUTH_USERNAME=alice", "WSPROXY_BASIC_AUTH_PASSWORD=sesame",
	)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Start(app.Options{Config: settings})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Shutdown()
	for path, want := range map[string]int{
		"/socket/in?topic=alice.a&clientId=alice-1":                  http.StatusServiceUnavailable,
		"/socket/out?topic=alice.a&clientId=alice-1":                 http.StatusServiceUnavailable,
		"/socket/in?topic=bob.a&clientId=alice-1":                    http.StatusForbidden,
		"/socket/in?topic=alice.a&clientId=bob-1":                    http.StatusForbidden,
		"/socket/out?topic=alice.a&clientId=alice-1&groupId=bob-1":   http.StatusForbidden,
		"/socket/out?topic=bob.a&clientId=alice-1&groupId=alice-1":   http.StatusForbidden,
		"/socket/out?topic=alice.a&clientId=bob-1&groupId=alice-1":   http.StatusForbidden,
		"/socket/out?topic=alice.a&clientId=alice-1&groupId=alice-1": http.StatusServiceUnavailable,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.Addr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("alice:sesame")))
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, res.StatusCode, want)
		}
	}
}
