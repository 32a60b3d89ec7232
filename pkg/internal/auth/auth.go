// Package auth finds out who a client is and what it brings for Kafka, from the headers of its
// handshake and from its TLS certificate.
//
// There is one file per method: passwords in basic.go and htpasswd.go, bearer tokens in bearer.go
// with the keys of their provider in provider.go and keys.go, certificates in certificate.go, and those
// that a trusted proxy forwards in forwarded.go. Chain asks the one that fits what a client brought.
//
// # What must hold
//
//   - Whoever brings credentials is judged by them, and by them alone: bad ones are refused, though
//     a certificate beside them be good. Credentials in two places are refused.
//   - Nothing that a client brings is logged, or part of an error that it, or anybody else, is told.
//   - What is expensive to check (bcrypt, a request to the provider) is bounded: so many at a time,
//     and so often.
//   - Nobody is let in because something could not be checked.
package auth

import (
	"context"
	"crypto/x509"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The methods, as metrics name them.
const (
	MethodBasic       = "basic"
	MethodBearer      = "bearer"
	MethodCertificate = "certificate"
	MethodNone        = "none" // no credentials were brought
)

// The outcomes, as metrics name them.
const (
	OutcomeAccepted = "accepted"
	OutcomeRefused  = "refused"
	OutcomeUnknown  = "unknown" // the credentials could not be checked
)

// maxName is the longest name of a principal, in characters.
const maxName = 255

// Chain is the authenticator: the methods by which clients can authenticate. Without any, it accepts all
// clients.
type Chain struct {
	Basic        *Basic  // nil where passwords are not taken
	Bearer       *Bearer // nil where tokens are not taken
	Certificates bool    // whether verified client certificates are taken
	// CertificateName says which of a certificate's names is the principal's, NameCN where empty.
	CertificateName string
	// ClientCAs are the CAs of client certificates at this moment; nil where they never change.
	ClientCAs func() *x509.CertPool
	// Forwarded is the header in which trusted proxies forward client certificates, empty for none.
	Forwarded string
	Kafka     KafkaRules
	Realms    Realms
	// Count is called with the outcome of each request; may be nil.
	Count func(method, outcome string)
}

// Authentication is the result of an authentication: the client's identity, and what is needed to check it again.
type Authentication struct {
	Identity proxy.Identity
	// bearer is the client's token, to be checked again; empty without one.
	bearer string
	// hash is a digest of the hash that the password was compared with, to be compared again; zero where
	// that cannot change.
	hash digest
	// certificates are the client's chain, to be verified again; nil where no client CA verified them.
	certificates []*x509.Certificate
	// brought holds the Kafka credentials that the client sent beside its token.
	brought proxy.KafkaCredentials
}

// Required tells whether clients must authenticate.
func (c *Chain) Required() bool {
	return c.Basic != nil || c.Bearer != nil || c.Certificates || c.Forwarded != ""
}

// KnowsClients tells whether each socket has a principal of its own: clients must authenticate, here or
// at Kafka.
func (c *Chain) KnowsClients() bool { return c.Required() || c.Kafka.Required }

// Request authenticates the client of a request. The error is of proxy.KindNotAuthenticated, or of
// proxy.KindOverloaded where the credentials cannot be checked now.
func (c *Chain) Request(ctx context.Context, r *http.Request) (Authentication, *proxy.Error) {
	if !c.Required() {
		return Authentication{}, nil
	}
	given, e := readCredentials(r.Header)
	var chain []*x509.Certificate
	var byCA bool
	if given.method == MethodNone && e == nil {
		chain, byCA, e = c.certificate(r)
	}
	method := given.method
	if len(chain) > 0 {
		method = MethodCertificate
	}
	var p Authentication
	if e == nil {
		p, e = c.check(ctx, method, given, chain)
	}
	if e == nil {
		e = checkName(p.Identity.Principal.Name)
	}
	c.count(method, e)
	if e != nil {
		return Authentication{}, e
	}
	if byCA {
		p.certificates = chain
	}
	return p, nil
}

// checkName refuses the name of a principal that the proxy could not store with its sessions. OpenID
// Connect Core, section 2 allows no longer names.
func checkName(name string) *proxy.Error {
	if name == "" || utf8.RuneCountInString(name) > maxName || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, unicode.IsControl) {
		return refuse("The name that the credentials are of must have 1 to %d characters, none a control character.", maxName)
	}
	return nil
}

// Socket is Request for a handshake: it also reads the client's Kafka credentials.
func (c *Chain) Socket(ctx context.Context, r *http.Request) (Authentication, *proxy.Error) {
	brought, e := c.Kafka.read(r.Header)
	if e != nil {
		return Authentication{}, e
	}
	p, e := c.Request(ctx, r)
	if e != nil {
		return Authentication{}, e
	}
	p.brought = brought
	if p.Identity.Kafka, e = c.Kafka.choose(&p); e != nil {
		return Authentication{}, e
	}
	if user := p.Identity.Kafka.Username; user != "" && p.Identity.Principal.IsAnonymous() {
		// Kafka checks these credentials before the principal gets anything.
		p.Identity.Principal = proxy.Principal{Method: proxy.MethodKafka, Name: user}
		e = checkName(user)
	}
	return p, e
}

func (c *Chain) check(ctx context.Context, method string, given credentials, chain []*x509.Certificate) (Authentication, *proxy.Error) {
	switch {
	case method == MethodBasic && c.Basic != nil:
		hash, e := c.Basic.check(ctx, given.user, given.password)
		return Authentication{Identity: proxy.Identity{Principal: proxy.Principal{Method: proxy.MethodUser, Name: given.user}}, hash: hash}, e
	case method == MethodBearer && c.Bearer != nil:
		return c.Bearer.check(ctx, given.token)
	case method == MethodCertificate:
		return c.certified(chain)
	case method == MethodNone:
		return Authentication{}, refuse("Credentials are required: %s.", c.places())
	default:
		return Authentication{}, refuse("Authorization: %s credentials are not taken here.", method)
	}
}

// places says where the proxy reads credentials, since some users put them into the URL.
func (c *Chain) places() string {
	if c.Basic == nil && c.Bearer == nil {
		return "a client certificate"
	}
	return "in the Authorization header, or in a browser in the subprotocol wsproxy.bearer.<token> or wsproxy.basic.<base64url user:pass>, never in the URL"
}

func (c *Chain) count(method string, e *proxy.Error) {
	if c.Count == nil {
		return
	}
	switch {
	case e == nil:
		c.Count(method, OutcomeAccepted)
	case e.Kind == proxy.KindNotAuthenticated:
		c.Count(method, OutcomeRefused)
	default:
		c.Count(method, OutcomeUnknown)
	}
}

// Renewable tells whether a new token can replace the one of the pass.
func (p Authentication) Renewable() bool { return p.bearer != "" }

// Renew checks a new token, which must be of the same subject, and returns its pass.
func (c *Chain) Renew(ctx context.Context, p *Authentication, token string) (Authentication, *proxy.Error) {
	renewed, e := c.Bearer.check(ctx, token)
	c.count(MethodBearer, e)
	if e != nil {
		return Authentication{}, e
	}
	if renewed.Identity.Principal != p.Identity.Principal {
		return Authentication{}, refuse("The token is of another subject.")
	}
	renewed.brought = p.brought
	renewed.Identity.Kafka, e = c.Kafka.choose(&renewed)
	return renewed, e
}

// Recheck checks the credentials of a pass again: a token by the keys of its provider that are cached
// now, a password by its hash in the file, a certificate by the client CAs. It makes no requests.
func (c *Chain) Recheck(ctx context.Context, p *Authentication) *proxy.Error {
	switch p.Identity.Principal.Method {
	case proxy.MethodToken:
		return c.Bearer.recheck(ctx, p.bearer)
	case proxy.MethodUser:
		return c.Basic.recheck(p.Identity.Principal.Name, p.hash)
	case proxy.MethodCert:
		return c.recheckCertificate(p.certificates)
	default:
		return nil
	}
}

func refuse(format string, args ...any) *proxy.Error {
	return proxy.Errorf(proxy.KindNotAuthenticated, format, args...)
}
