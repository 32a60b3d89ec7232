package socket

import (
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/fair"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Limits bound what clients, unauthenticated ones included, may have of this process at a time. 0 is no limit.
type Limits struct {
	Connections int
	PerAddress  int // connections of one address; of IPv6 those of a /64 network, which is what a host has
	Handshakes  int // in progress, of which an address leaves as many to others as it has; also refusals that are told by a close frame
}

func reached(limit, count int) bool { return limit > 0 && count >= limit }

// Enter begins the handshake of a client, by its address as in http.Request.RemoteAddr, where a
// connection would be admitted now. through must be called when it is through, more often does no
// harm.
func (r *Registry) Enter(remote string) (through func(), e *proxy.Error) {
	r.mu.Lock()
	e = r.refusal(r.keyOf(remote))
	r.mu.Unlock()
	if e != nil {
		return func() {}, e
	}
	address := fair.Address(remote)
	if !r.handshakes.TryTake(address) {
		return func() {}, proxy.Errorf(proxy.KindOverloaded,
			"This replica has its most handshakes of %d in progress, or your address has its share of them: try again later.", r.limits.Handshakes)
	}
	return sync.OnceFunc(func() { r.handshakes.Give(address) }), nil
}

// Refuse begins a refusal that is told by a close frame, for whose answer the connection stays open.
// ok is false while there are too many, of the same address among them. through must be called when it
// is over.
func (r *Registry) Refuse(remote string) (through func(), ok bool) {
	address := fair.Address(remote)
	if !r.refusals.TryTake(address) {
		return nil, false
	}
	return sync.OnceFunc(func() { r.refusals.Give(address) }), true
}

// keyOf is what connections are counted by, empty where nobody counts.
func (r *Registry) keyOf(remote string) string {
	if r.limits.PerAddress == 0 {
		return ""
	}
	return fair.Address(remote)
}
