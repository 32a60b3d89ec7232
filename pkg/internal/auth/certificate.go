package auth

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The names of a client certificate that can be the principal's.
const (
	NameCN      = "cn"      // the subject's common name
	NameURI     = "uri"     // the one URI among the alternative names, as SPIFFE has it
	NameDNS     = "dns"     // the one DNS name among them
	NameEmail   = "email"   // the one e-mail address among them
	NameSubject = "subject" // the whole subject, as RFC 2253 writes it
)

// hasCertificate tells whether a client has a certificate that was verified by one of the client CAs: an
// unverified one proves nothing.
func hasCertificate(state *tls.ConnectionState) bool {
	return state != nil && len(state.VerifiedChains) > 0 && len(state.VerifiedChains[0]) > 0
}

// nameOf returns the name of a certificate that is the principal's.
func nameOf(certificate *x509.Certificate, kind string) (string, *proxy.Error) {
	switch kind {
	case NameURI:
		list := make([]string, len(certificate.URIs))
		for i, uri := range certificate.URIs {
			list[i] = uri.String()
		}
		return onlyName("URI", list)
	case NameDNS:
		return onlyName("DNS name", certificate.DNSNames)
	case NameEmail:
		return onlyName("e-mail address", certificate.EmailAddresses)
	case NameSubject:
		return presentName("subject", certificate.Subject.String())
	default:
		return presentName("common name", certificate.Subject.CommonName)
	}
}

// onlyName returns the one alternative name of a kind. It refuses several, since the choice among them
// would depend on the order in which a CA happens to write them.
func onlyName(kind string, names []string) (string, *proxy.Error) {
	if len(names) > 1 {
		return "", refuse("The client certificate has %d names of the kind %s: it must have one.", len(names), kind)
	}
	if len(names) == 0 {
		return presentName(kind, "")
	}
	return presentName(kind, names[0])
}

func presentName(kind, name string) (string, *proxy.Error) {
	if name == "" {
		return "", refuse("The client certificate has no %s.", kind)
	}
	return name, nil
}

// certified returns the pass of a client's certificate, whose chain begins with it. It lasts as long
// as the certificate does.
func (c *Chain) certified(chain []*x509.Certificate) (Authentication, *proxy.Error) {
	name, e := nameOf(chain[0], c.CertificateName)
	if e != nil {
		return Authentication{}, e
	}
	return Authentication{Identity: proxy.Identity{
		Principal: proxy.Principal{Method: proxy.MethodCert, Name: name}, Expires: chain[0].NotAfter,
	}}, nil
}

// recheckCertificate verifies a certificate by the current client CAs. A certificate that a trusted proxy
// forwarded has no chain and is not checked.
func (c *Chain) recheckCertificate(chain []*x509.Certificate) *proxy.Error {
	if len(chain) == 0 || c.ClientCAs == nil {
		return nil
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range chain[1:] {
		intermediates.AddCert(certificate)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: c.ClientCAs(), Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return proxy.Wrap(fmt.Errorf("checking the certificate again: %w", err), proxy.KindNotAuthenticated, "The client certificate is not valid anymore.")
	}
	return nil
}
