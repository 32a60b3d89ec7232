package socket

import (
	"net/netip"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Limits bound what clients, and strangers, may have of this process at a time. 0 is no limit.
type Limits struct {
	Connections int
	PerAddress  int // connections of one address; of IPv6 those of a /64 network, which is what a host has
	Handshakes  int // in progress; also refusals that are told by a close frame
}

func reached(limit, count int) bool { return limit > 0 && count >= limit }

// Enter begins the handshake of a client, by its address as in http.Request.RemoteAddr, where a
// connection would be admitted now. through must be called when it is through, more often does no
// harm.
func (r *Registry) Enter(remote string) (through func(), e *proxy.Error) {
	address := r.keyOf(remote)
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.refusal(address); e != nil {
		return func() {}, e
	}
	if reached(r.limits.Handshakes, r.handshakes) {
		return func() {}, proxy.Errorf(proxy.KindOverloaded, "This replica has its most handshakes of %d in progress: try again later.", r.limits.Handshakes)
	}
	return r.hold(&r.handshakes), nil
}

// Refuse begins a refusal that is told by a close frame, for whose answer the connection stays open.
// ok is false while there are too many. through must be called when it is over.
func (r *Registry) Refuse() (through func(), ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if reached(r.limits.Handshakes, r.refusals) {
		return nil, false
	}
	return r.hold(&r.refusals), true
}

// hold counts one more until the function that it returns is called. r.mu is held.
func (r *Registry) hold(count *int) (through func()) {
	*count++
	over := false // guarded by r.mu
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !over {
			over = true
			*count--
		}
	}
}

// keyOf is what connections are counted by, empty where nobody counts.
func (r *Registry) keyOf(remote string) string {
	if r.limits.PerAddress == 0 {
		return ""
	}
	address, err := netip.ParseAddr(remote)
	if both, e := netip.ParseAddrPort(remote); e == nil {
		address, err = both.Addr(), nil
	}
	if err != nil {
		return remote
	}
	address = address.Unmap().WithZone("")
	if address.Is4() {
		return address.String()
	}
	network, _ := address.Prefix(64) // which an IPv6 address has
	return network.String()
}
