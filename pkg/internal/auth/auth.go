// Package auth finds out who a client is and what it brings for Kafka, from the headers of its
// handshake and from its TLS certificate.
//
// There is one file per method: passwords in basic.go and htpasswd.go, bearer tokens in bearer.go
// with the keys of their provider in provider.go and keys.go, certificates in certificate.go. Chain
// asks the one that fits what a client brought.
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
	OutcomeUnknown  = "unknown" // it could not be checked
)

// maxSubject is the longest name of a client, in characters.
const maxSubject = 255

// Chain are the methods by which clients can authenticate. Without any, all are let in.
type Chain struct {
	Basic        *Basic  // nil where passwords are not taken
	Bearer       *Bearer // nil where tokens are not taken
	Certificates bool    // whether the subject of a verified client certificate is taken
	Kafka        KafkaRules
	Realms       Realms
	// Count is told how each request fared; nil where nobody counts.
	Count func(method, outcome string)
}

// Pass is what the credentials of a client have shown.
type Pass struct {
	Identity proxy.Identity
	// bearer is the token that it was made from, to be judged again; empty without one.
	bearer string
	// brought is what the client brought for Kafka beside its token.
	brought proxy.KafkaCredentials
}

// Required tells whether clients must authenticate.
func (c *Chain) Required() bool { return c.Basic != nil || c.Bearer != nil || c.Certificates }

// Request finds out who makes a request. The error is of proxy.KindNotAuthenticated, or of
// proxy.KindOverloaded where the credentials cannot be checked now.
func (c *Chain) Request(ctx context.Context, r *http.Request) (Pass, *proxy.Error) {
	if !c.Required() {
		return Pass{}, nil
	}
	given, e := readCredentials(r.Header)
	method := given.method
	if method == MethodNone && e == nil && c.Certificates && hasCertificate(r.TLS) {
		method = MethodCertificate
	}
	var p Pass
	if e == nil {
		p, e = c.check(ctx, method, given, r)
	}
	if e == nil {
		e = checkSubject(p.Identity.Subject)
	}
	c.count(method, e)
	if e != nil {
		return Pass{}, e
	}
	return p, nil
}

// checkSubject refuses a name that the proxy could not keep among its sessions. OpenID Connect Core,
// section 2 allows no longer ones.
func checkSubject(subject string) *proxy.Error {
	if subject == "" || utf8.RuneCountInString(subject) > maxSubject || !utf8.ValidString(subject) ||
		strings.ContainsFunc(subject, unicode.IsControl) {
		return refuse("The name that the credentials are of must have 1 to %d characters, none a control character.", maxSubject)
	}
	return nil
}

// Socket is as Request, for a handshake: it also reads what the client brings for Kafka.
func (c *Chain) Socket(ctx context.Context, r *http.Request) (Pass, *proxy.Error) {
	brought, e := c.Kafka.read(r.Header)
	if e != nil {
		return Pass{}, e
	}
	p, e := c.Request(ctx, r)
	if e != nil {
		return Pass{}, e
	}
	p.brought = brought
	p.Identity.Kafka, e = c.Kafka.choose(&p)
	return p, e
}

func (c *Chain) check(ctx context.Context, method string, given credentials, r *http.Request) (Pass, *proxy.Error) {
	switch {
	case method == MethodBasic && c.Basic != nil:
		e := c.Basic.check(ctx, given.user, given.password)
		return Pass{Identity: proxy.Identity{Subject: given.user}}, e
	case method == MethodBearer && c.Bearer != nil:
		return c.Bearer.check(ctx, given.token)
	case method == MethodCertificate:
		return certified(r.TLS)
	case method == MethodNone:
		return Pass{}, refuse("Credentials are required: %s.", c.places())
	default:
		return Pass{}, refuse("Authorization: %s credentials are not taken here.", method)
	}
}

// places says where credentials may be, since some look for them in the URL.
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

// Renewable tells whether a new token can take the place of the pass's own.
func (p Pass) Renewable() bool { return p.bearer != "" }

// Renew makes a pass of a new token, which must be of the same subject.
func (c *Chain) Renew(ctx context.Context, p *Pass, token string) (Pass, *proxy.Error) {
	renewed, e := c.Bearer.check(ctx, token)
	c.count(MethodBearer, e)
	if e != nil {
		return Pass{}, e
	}
	if renewed.Identity.Subject != p.Identity.Subject {
		return Pass{}, refuse("The token is of another subject.")
	}
	renewed.brought = p.brought
	renewed.Identity.Kafka, e = c.Kafka.choose(&renewed)
	return renewed, e
}

// Recheck judges the token of a pass again, by the keys that its provider has now. It asks nobody.
func (c *Chain) Recheck(ctx context.Context, p *Pass) *proxy.Error {
	if !p.Renewable() {
		return nil
	}
	return c.Bearer.recheck(ctx, p.bearer)
}

func refuse(format string, args ...any) *proxy.Error {
	return proxy.Errorf(proxy.KindNotAuthenticated, format, args...)
}
