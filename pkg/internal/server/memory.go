package server

import (
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// checkMemory refuses a new connection while open connections hold nearly all of the memory that
// connections of its kind may hold. Another replica may have memory left, and the open connections of
// this one already wait for it.
func (s *Server) checkMemory(direction metrics.Direction) *proxy.Error {
	kind := budget.Consuming
	if direction == metrics.In {
		kind = budget.Producing
	}
	if s.Budget.IsFull(kind) {
		return proxy.Errorf(proxy.KindOverloaded, "This replica's connections hold nearly all of the memory that they may: try again later.")
	}
	return nil
}
