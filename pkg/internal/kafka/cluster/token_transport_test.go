package cluster

import (
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestTheTokenEndpointsCAs checks that the current CAs of the file are used.
func TestTheTokenEndpointsCAs(t *testing.T) {
	endpoint := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer endpoint.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: endpoint.Certificate().Raw})
	write := func(content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write([]byte("nothing"))
	settings := &config.Kafka{SASLOAuthCAFile: path}
	if _, err := newTokenTransport(settings, Environment{Log: slog.New(slog.DiscardHandler)}); err == nil ||
		!strings.HasPrefix(err.Error(), "WSPROXY_KAFKA_SASL_OAUTH_CA_FILE: ") {
		t.Errorf("a file without CAs: %v", err)
	}
	system, err := newTokenTransport(new(config.Kafka), Environment{})
	if err != nil {
		t.Fatal(err)
	}
	write(own)
	transport, err := newTokenTransport(settings, Environment{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		transport *tokenTransport
		answers   bool
	}{"the system's": {system, false}, "the file's": {transport, true}} {
		client := &http.Client{Transport: test.transport}
		answer, err := client.Get(endpoint.URL)
		if err == nil {
			_ = answer.Body.Close()
		}
		if (err == nil) != test.answers {
			t.Errorf("%s: %v", name, err)
		}
		client.CloseIdleConnections()
	}
	if transport.files == nil {
		t.Error("the file is not watched")
	}
}

// TestExtensionsGoWithEachToken checks the proxy's own token and a client's.
func TestExtensionsGoWithEachToken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("own"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &security{
		settings: &config.Kafka{
			SecurityProtocol: "SASL_SSL", SASLMechanism: "OAUTHBEARER", SASLOAuthExtensions: []string{"logicalCluster=lkc-1", "identityPoolId=a=b"},
		},
		tokens: tokenFile(path),
	}
	for token, credentials := range map[string]proxy.KafkaCredentials{"own": {}, "theirs": {Token: "theirs"}} {
		_, first, err := s.login(Always(credentials)).Authenticate(t.Context(), "broker")
		text := string(first)
		if err != nil || !strings.Contains(text, "auth=Bearer "+token+"\x01") ||
			!strings.Contains(text, "\x01logicalCluster=lkc-1\x01") || !strings.Contains(text, "\x01identityPoolId=a=b\x01") {
			t.Errorf("%s: %q, %v", token, text, err)
		}
	}
}
