// Package fair shares scarce resources among unauthenticated clients by their address, so that a client
// that asks for more than others delays only itself: places (Shares) and failures (Budget).
package fair

import (
	"context"
	"net/netip"
)

// Address returns the key by which clients are counted: the address of a remote in the form of
// http.Request.RemoteAddr, with or without a port. For IPv6 it is the /64 network, which is what a host
// has. Text that is no address is its own key.
func Address(remote string) string {
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

type addressKey struct{}

// WithAddress adds a client's address, in the form that Address returns, to a context.
func WithAddress(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// AddressIn returns the address that a context carries. It is empty where no client is involved.
func AddressIn(ctx context.Context) string {
	address, _ := ctx.Value(addressKey{}).(string)
	return address
}
