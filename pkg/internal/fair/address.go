// Package fair shares what is scarce among unauthenticated clients by their address, so that one who asks for more than
// others costs himself: places (Shares) and failures (Budget).
package fair

import (
	"context"
	"net/netip"
)

// Address returns what clients are counted by: the address of a remote in the form of
// http.Request.RemoteAddr, with or without a port. Of IPv6 it is the /64 network, which is what a host
// has. What is no address stands for itself.
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

// WithAddress has a context carry for whom something is done, in the form that Address returns.
func WithAddress(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// AddressIn returns the address that a context carries. It is empty where nobody asks from outside.
func AddressIn(ctx context.Context) string {
	address, _ := ctx.Value(addressKey{}).(string)
	return address
}
