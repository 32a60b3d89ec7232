package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/server"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/socket"
)

// listener is one of the proxy's HTTP listeners. It is opened first, so that a port in use is
// detected before any other component is started, and closed last.
type listener struct {
	socket net.Listener
	server *http.Server
	done   chan struct{} // closed when serving has ended; nil before it begins
}

// listen opens a listener, with TLS if certificates is not nil, and registers its teardown.
func (a *App) listen(o Options, host string, port int, certificates *server.Certificates) (*listener, error) {
	opened, err := o.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("opening a listener: %w", err)
	}
	if certificates != nil {
		opened = socket.ListenTLS(opened, certificates.TLS())
	}
	l := &listener{socket: opened, server: server.NewHTTP(a.config, a.log)}
	a.onTearDown(l.close)
	return l, nil
}

// serve starts answering requests. An error of the listener is sent to failed.
func (l *listener) serve(handler http.Handler, failed chan<- error) {
	l.server.Handler = handler
	l.done = make(chan struct{})
	go func() {
		defer close(l.done)
		if err := l.server.Serve(l.socket); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("serving on %s: %w", l.socket.Addr(), err)
		}
	}()
}

// close closes the listener, and lets requests finish within ctx.
func (l *listener) close(ctx context.Context) {
	if l.done == nil {
		_ = l.socket.Close()
		return
	}
	if l.server.Shutdown(ctx) != nil {
		_ = l.server.Close()
	}
	<-l.done
}
