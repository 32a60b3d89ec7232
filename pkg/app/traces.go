package app

import "github.com/wsproxy/kafka-websocket-proxy/pkg/internal/trace"

// openTraces makes what sends traces, or nil where the environment asks for none. It is closed
// after everything that has spans.
func (a *App) openTraces(o Options) (*trace.Tracer, error) {
	t, err := trace.New(o.Environ, trace.Program{Version: o.Version, Server: a.config.Server.ID, Log: a.log, Trusted: a.config.Server.TraceContextTrusted})
	if err != nil {
		return nil, &ConfigError{err}
	}
	a.onTearDown(t.Close)
	return t, nil
}
