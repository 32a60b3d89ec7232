package server

import (
	"net/http"
	"net/netip"
	"strings"
)

// proxies are the networks of the trusted proxies, whose headers about their clients are believed.
type proxies []netip.Prefix

// newProxies takes CIDRs, whose form was checked with the configuration.
func newProxies(cidrs []string) proxies {
	var p proxies
	for _, cidr := range cidrs {
		if prefix, err := netip.ParsePrefix(cidr); err == nil {
			p = append(p, prefix.Masked())
		}
	}
	return p
}

func (p proxies) trust(address netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// client returns the address of the client, if it is behind the proxies: the last one in X-Forwarded-For
// that is not a trusted proxy itself. Addresses before that one may be forged.
func (p proxies) client(r *http.Request) (address string, ok bool) {
	peer, known := parseAddress(r.RemoteAddr)
	if !known || !p.trust(peer) {
		return "", false
	}
	list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(list) - 1; i >= 0 && p.trust(peer); i-- {
		next, known := parseAddress(strings.TrimSpace(list[i]))
		if !known {
			break
		}
		peer, ok = next, true
	}
	return peer.String(), ok
}

// parseAddress reads an IP address with or without a port.
func parseAddress(text string) (netip.Addr, bool) {
	if both, err := netip.ParseAddrPort(text); err == nil {
		return both.Addr().Unmap().WithZone(""), true
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return address.Unmap().WithZone(""), err == nil
}
