package server

import (
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/clientcfg"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
)

// pace is the rate limit and the batch size of a connection: the lower of what the client asked for and
// of what is configured for it.
type pace struct {
	asked clientcfg.Limits
	rate  *limit.Rate
	batch *limit.Bound
}

// follow returns the pace of a new connection. Changes of the configured limits apply to it until stop.
func (s *Server) follow(kind clientcfg.Kind, id string, asked clientcfg.Limits) (p *pace, stop func()) {
	configured := s.Limits.Limits(kind, id)
	p = &pace{
		asked: asked,
		rate:  limit.NewRate(lower(asked.MessagesPerSecond, configured.MessagesPerSecond)),
		batch: limit.NewBound(lower(asked.BatchSize, configured.BatchSize)),
	}
	return p, s.Limits.Watch(kind, id, p.apply)
}

func (p *pace) apply(configured clientcfg.Limits) {
	p.rate.SetRate(lower(p.asked.MessagesPerSecond, configured.MessagesPerSecond))
	p.batch.Set(lower(p.asked.BatchSize, configured.BatchSize))
}

// lower returns the lower of two limits, of which 0 is none.
func lower(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
