package server

import (
	"net/http"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// ownProtocols is the prefix of the proxy's own subprotocols.
const ownProtocols = "wsproxy."

// checkSubprotocols refuses a browser that brings credentials as subprotocols and offers none that the
// server can select: the browser would fail the handshake without an explanation.
func checkSubprotocols(r *http.Request) *proxy.Error {
	credentials := false
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for offer := range strings.SplitSeq(line, ",") {
			offer = strings.TrimSpace(offer)
			if offer == socket.Subprotocol {
				return nil
			}
			credentials = credentials || strings.HasPrefix(offer, ownProtocols)
		}
	}
	if !credentials {
		return nil
	}
	return proxy.Errorf(proxy.KindInvalidParameter, "Sec-WebSocket-Protocol: must offer %s beside what begins with %s.", socket.Subprotocol, ownProtocols)
}
