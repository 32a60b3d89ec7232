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
	// answerTimeout is the time, in addition to the handshake's timeout, in which the rest of a request
	// must arrive, and in which a client must read the answer.
	answerTimeout = 20 * time.Second
	// connFactor is how many HTTP connections are allowed for each handshake that may be in progress.
	connFactor = 4
)

// NewHTTP returns a server for a listener, without its handler. Its timeouts and size limits for
// unauthenticated clients are low. It logs errors of their connections at debug.
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
