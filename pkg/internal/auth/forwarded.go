package auth

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The headers in which a proxy that terminates TLS can forward the certificate of its client.
const (
	ForwardedClientCert = "Client-Cert"             // RFC 9440
	ForwardedXFCC       = "X-Forwarded-Client-Cert" // Envoy's
)

type trustedKey struct{}

// FromTrustedProxy marks a request whose sender is a trusted proxy: the certificate that it forwards is
// believed, and its own certificate is not taken for the client's.
func FromTrustedProxy(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), trustedKey{}, true))
}

func isFromTrustedProxy(r *http.Request) bool { return r.Context().Value(trustedKey{}) != nil }

// certificate returns the chain of the client's certificate, and whether the client CAs verified it, or
// nil where there is none. For requests of trusted proxies only the forwarded certificate counts.
func (c *Chain) certificate(r *http.Request) (chain []*x509.Certificate, byCA bool, e *proxy.Error) {
	if c.Forwarded != "" && isFromTrustedProxy(r) {
		certificate, e := c.forwarded(r.Header)
		if certificate == nil {
			return nil, false, e
		}
		return []*x509.Certificate{certificate}, false, e
	}
	if c.Certificates && hasCertificate(r.TLS) {
		return r.TLS.PeerCertificates, true, nil
	}
	return nil, false, nil
}

// forwarded reads the certificate that a trusted proxy forwards, nil where it forwards none. The proxy
// has verified its chain; its validity period is checked here as well.
func (c *Chain) forwarded(h http.Header) (*x509.Certificate, *proxy.Error) {
	value, given, e := single(h, c.Forwarded)
	if e != nil || !given {
		return nil, e
	}
	read := clientCert
	if c.Forwarded == ForwardedXFCC {
		read = xfcc
	}
	der, wrong := read(value)
	if wrong != "" {
		return nil, refuse("%s: %s.", c.Forwarded, wrong)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, refuse("%s: the certificate is not well-formed.", c.Forwarded)
	}
	if now := time.Now(); now.After(certificate.NotAfter) || now.Before(certificate.NotBefore) {
		return nil, refuse("%s: the certificate has expired, or is not valid yet.", c.Forwarded)
	}
	return certificate, nil
}

// clientCert reads a byte sequence in base64 between colons (RFC 9440, section 2.1).
func clientCert(value string) (der []byte, wrong string) {
	text := strings.Trim(value, " ")
	if len(text) < 2 || text[0] != ':' || text[len(text)-1] != ':' {
		return nil, "it must be a certificate in base64 between colons"
	}
	der, err := base64.StdEncoding.Strict().DecodeString(text[1 : len(text)-1])
	if err != nil {
		return nil, "it must be a certificate in base64 between colons"
	}
	return der, ""
}

// xfcc reads the certificate of an element of Envoy's header. There must be one element: if a chain of
// proxies made several, only some may come from a trusted proxy.
func xfcc(value string) (der []byte, wrong string) {
	pairs, wrong := xfccElement(value)
	if wrong != "" {
		return nil, wrong
	}
	escaped, ok := pairs["cert"]
	if !ok {
		return nil, "it has no Cert: the proxy must be told to forward it"
	}
	text, err := url.PathUnescape(escaped)
	if err != nil {
		return nil, "Cert is not escaped as a part of a URL"
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, "Cert is not a certificate in PEM"
	}
	return block.Bytes, ""
}

// xfccElement reads key=value;key="value", where a \ in quotes escapes the next character.
func xfccElement(text string) (pairs map[string]string, wrong string) {
	pairs = make(map[string]string)
	for text != "" {
		key, rest, found := strings.Cut(text, "=")
		if !found {
			return nil, "it must be one element of key=value, separated by semicolons"
		}
		value, rest, ok := xfccValue(rest)
		key = strings.ToLower(strings.TrimSpace(key))
		if _, doubled := pairs[key]; doubled && key == "cert" || !ok {
			return nil, "it must be one element of key=value, separated by semicolons"
		}
		pairs[key] = value
		text = rest
	}
	return pairs, ""
}

// xfccValue reads a value up to the next semicolon. A comma, after which another element begins, is an
// error.
func xfccValue(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		value, rest, _ = strings.Cut(text, ";")
		return value, rest, !strings.ContainsAny(value, `,"`)
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case text[i] == '"':
			rest, more := strings.CutPrefix(text[i+1:], ";")
			return b.String(), rest, more || rest == ""
		default:
			b.WriteByte(text[i])
		}
	}
	return "", "", false
}
