package server

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestCredentialsAloneAreNoSubprotocol offers subprotocols without asking for a WebSocket, which is
// checked later.
func TestCredentialsAloneAreNoSubprotocol(t *testing.T) {
	s := newServer(t, new(config.Config))
	withKafka(t, s)
	for name, test := range map[string]struct {
		offer string
		kind  proxy.Kind
	}{
		"credentials alone":              {"wsproxy.bearer.a.b.c", proxy.KindInvalidParameter},
		"two credentials":                {"wsproxy.basic.YTpi, wsproxy.kafka.YTpi", proxy.KindInvalidParameter},
		"credentials beside a client's":  {"mqtt,wsproxy.basic.YTpi", proxy.KindInvalidParameter},
		"a version that there is not":    {"wsproxy.v2", proxy.KindInvalidParameter},
		"credentials after the version":  {"wsproxy.v1, wsproxy.basic.YTpi", proxy.KindUpgradeRequired},
		"credentials before the version": {"wsproxy.basic.YTpi,wsproxy.v1", proxy.KindUpgradeRequired},
		"the version alone":              {"wsproxy.v1", proxy.KindUpgradeRequired},
		"a client's own":                 {"mqtt", proxy.KindUpgradeRequired},
		"none":                           {"", proxy.KindUpgradeRequired},
	} {
		answer := askAdmin(s.Main(), "GET", "/socket/in?clientId=c&topic=t", "", "Sec-WebSocket-Protocol", test.offer)
		t.Run(name, func(t *testing.T) { checkError(t, answer, test.kind) })
	}
}
