package socket

import (
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/fair"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Limits bound the connections and handshakes of clients in this process, those of unauthenticated clients
// included. 0 is no limit.
type Limits struct {
	Connections int
	PerAddress  int // connections of one address; with IPv6, of a /64 network, which is what a host has
	Handshakes  int // in progress; an address may have as many as it leaves free for others. The same for waits for a session, and for refusals by a close frame
}

func reached(limit, count int) bool { return limit > 0 && count >= limit }

// Enter begins the handshake of a client, if a connection of it would be admitted now. remote is its
// address as in http.Request.RemoteAddr. through must be called when the handshake is over; calling it
// again does nothing.
func (r *Registry) Enter(remote string) (through func(), e *proxy.Error) {
	r.mu.Lock()
	e = r.refusal(r.keyOf(remote))
	r.mu.Unlock()
	if e != nil {
		return func() {}, e
	}
	return r.enter(r.handshakes, remote)
}

// EnterClaim takes a place among the handshakes that wait for a session. They are as many as those in
// progress, and apart from them: Kafka decides how long a session takes. leave must be called when the
// session is decided; calling it again does nothing.
func (r *Registry) EnterClaim(remote string) (leave func(), e *proxy.Error) {
	return r.enter(r.claims, remote)
}

func (r *Registry) enter(places *fair.Shares, remote string) (leave func(), e *proxy.Error) {
	address := fair.Address(remote)
	if !places.TryTake(address) {
		return func() {}, proxy.Errorf(proxy.KindOverloaded,
			"This replica has its most handshakes of %d in progress, or your address has its share of them: try again later.", r.limits.Handshakes)
	}
	return sync.OnceFunc(func() { places.Give(address) }), nil
}

// Refuse begins a refusal by a close frame, for whose answer the connection stays open. ok is false while
// there are too many refusals in total, or too many of the same address. through must be called when the
// refusal is over.
func (r *Registry) Refuse(remote string) (through func(), ok bool) {
	address := fair.Address(remote)
	if !r.refusals.TryTake(address) {
		return nil, false
	}
	return sync.OnceFunc(func() { r.refusals.Give(address) }), true
}

// keyOf returns the key by which connections are counted, empty without a limit for each address.
func (r *Registry) keyOf(remote string) string {
	if r.limits.PerAddress == 0 {
		return ""
	}
	return fair.Address(remote)
}
