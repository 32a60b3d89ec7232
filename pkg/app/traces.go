package app

import "github.com/wsproxy/kafka-websocket-proxy/pkg/internal/trace"

// openTraces makes the tracer, or returns nil if the environment asks for no traces. It is closed after
// all components that have spans.
func (a *App) openTraces(o Options) (*trace.Tracer, error) {
	t, err := trace.New(o.Environ, trace.Program{Version: o.Version, Server: a.config.Server.ID, Log: a.log, Trusted: a.config.Server.TraceContextTrusted})
	if err != nil {
		return nil, &ConfigError{err}
	}
	a.onTearDown(t.Close)
	return t, nil
}
