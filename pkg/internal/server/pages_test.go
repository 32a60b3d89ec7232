package server

import (
	"net/http"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestPagesMayAskTheEndpoints asks as browsers do for pages.
func TestPagesMayAskTheEndpoints(t *testing.T) {
	s := newServer(t, &config.Config{
		Server: config.Server{PathPrefix: "/p"}, Sockets: config.Sockets{AllowedOrigins: []string{"https://app.example.com", "null"}},
	})
	withKafka(t, s)
	for _, path := range []string{
		"/healthcheck", "/ready", "/kafka/cluster/info", "/schemas/avro/consumer/record", "/openapi.yaml", "/asyncapi.yaml", "/p/ready",
	} {
		for origin, allowed := range map[string]string{
			"https://app.example.com": "https://app.example.com", "null": "null", "https://evil.example.com": "", "http://example.com": "", "": "",
		} {
			answer := askAdmin(s.Main(), "GET", path, "", "Origin", origin)
			h := answer.Header()
			if got := h.Get("Access-Control-Allow-Origin"); got != allowed || h.Get("Vary") != "Origin" || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s from %q: the headers are %v", path, origin, h)
			}
			if wrong := answer.Code != http.StatusOK && path != "/ready" && path != "/p/ready"; wrong {
				t.Errorf("%s from %q: got %d", path, origin, answer.Code)
			}
			preflight := askAdmin(s.Main(), "OPTIONS", path, "", "Origin", origin, "Access-Control-Request-Method", "GET")
			switch {
			case origin == "":
				checkError(t, preflight, proxy.KindMethodNotAllowed)
			case allowed == "":
				checkError(t, preflight, proxy.KindNotAuthorized)
			case preflight.Code != http.StatusNoContent || preflight.Header().Get("Access-Control-Allow-Origin") != allowed ||
				preflight.Header().Get("Access-Control-Allow-Headers") != "Authorization":
				t.Errorf("%s from %q: the preflight is answered %d, %v", path, origin, preflight.Code, preflight.Header())
			}
		}
	}
	checkError(t, askAdmin(s.Main(), "OPTIONS", "/ready", "", "Origin", "null"), proxy.KindMethodNotAllowed) // no preflight
}
