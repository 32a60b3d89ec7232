package server

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
)

const (
	// idleTimeout is how long an HTTP connection may wait for its next request.
	idleTimeout = 2 * time.Minute
	// answerTimeout is what a request has for the rest of it to come, and an answer for being taken, on
	// top of the handshake's timeout.
	answerTimeout = 20 * time.Second
	// connFactor is how many HTTP connections there may be for each handshake in progress.
	connFactor = 4
)

// NewHTTP returns a server for a listener, without its handler, that gives unauthenticated clients little time and
// room. What it has to say of them is logged at debug.
func NewHTTP(c *config.Config, log *slog.Logger) *http.Server {
	handshake := c.Sockets.HandshakeTimeout
	conns := NewConnLimiter(connFactor*c.Server.MaxHandshakes, handshake, newProxies(c.Server.TrustedProxies))
	s := &http.Server{
		Protocols:         new(http.Protocols),
		ReadHeaderTimeout: handshake, // TLS has the same
		ReadTimeout:       handshake + answerTimeout,
		WriteTimeout:      handshake + answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    int(c.Server.MaxHeaderBytes),
		ConnState:         conns.Watch,
		ConnContext:       conns.Context,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	s.Protocols.SetHTTP1(true)
	return s
}
