package auth

import (
	"crypto/tls"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// hasCertificate tells whether a client has a certificate that one of the client CAs vouches for:
// one that was only sent proves nothing.
func hasCertificate(state *tls.ConnectionState) bool {
	return state != nil && len(state.VerifiedChains) > 0 && len(state.VerifiedChains[0]) > 0
}

// certified returns the subject of a client's certificate.
func certified(state *tls.ConnectionState) (Pass, *proxy.Error) {
	name := state.VerifiedChains[0][0].Subject.CommonName
	if name == "" {
		return Pass{}, refuse("The client certificate has no common name.")
	}
	return Pass{Identity: proxy.Identity{Subject: name}}, nil
}
