package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// maxCause is how much of a library's reason is kept for the log: it may repeat what a client
// claimed of itself.
const maxCause = 300

// latestExpiry is the last second of the year 9999. Tokens that name a later one end then.
const latestExpiry = 253402300799

// Bearer knows users by the tokens of an OpenID provider.
type Bearer struct{ Provider *Provider }

// check tells who a token is of.
func (b *Bearer) check(ctx context.Context, token string) (Pass, *proxy.Error) {
	if e := checkToken("The bearer token", token); e != nil {
		return Pass{}, e
	}
	verifier := b.Provider.now.Load()
	if verifier == nil {
		if err := b.Provider.refresh(ctx, minRefresh); err != nil {
			return Pass{}, cannotAsk(err)
		}
		if verifier = b.Provider.now.Load(); verifier == nil {
			return Pass{}, cannotAsk(errors.New("its keys were given up"))
		}
	}
	p, unknown, e := judge(ctx, verifier, token)
	if !unknown {
		return p, e
	}
	if err := b.Provider.refresh(ctx, minRefresh); err != nil {
		return Pass{}, cannotAsk(err)
	}
	if verifier = b.Provider.now.Load(); verifier != nil {
		p, _, e = judge(ctx, verifier, token)
	}
	return p, e
}

// recheck judges a token by the keys that are known, without asking for others.
func (b *Bearer) recheck(ctx context.Context, token string) *proxy.Error {
	verifier := b.Provider.now.Load()
	if verifier == nil {
		return refuse("The identity provider has not answered for too long.")
	}
	_, unknown, e := judge(ctx, verifier, token)
	if unknown {
		return refuse("The token's key is not valid anymore.")
	}
	return e
}

// cannotAsk tells a client to come again. It is no fault of its credentials.
func cannotAsk(err error) *proxy.Error {
	return proxy.Wrap(err, proxy.KindOverloaded, "The token cannot be checked now, as the identity provider does not answer: try again later.")
}

// judge checks a token. unknown tells that none of the keys has signed it.
func judge(ctx context.Context, verifier *oidc.IDTokenVerifier, token string) (p Pass, unknown bool, e *proxy.Error) {
	verified, err := verifier.Verify(context.WithValue(ctx, unknownKey{}, &unknown), token)
	if err != nil {
		return Pass{}, unknown, invalid(err)
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return Pass{}, false, invalid(err)
	}
	if e := checkTimes(claims); e != nil {
		return Pass{}, false, e
	}
	if verified.Subject == "" {
		return Pass{}, false, refuse("The token has no subject (sub).")
	}
	expires := verified.Expiry
	if latest := time.Unix(latestExpiry, 0); expires.After(latest) {
		expires = latest
	}
	return Pass{
		Identity: proxy.Identity{Subject: verified.Subject, Claims: claims, Expires: expires},
		bearer:   token,
	}, false, nil
}

// invalid says what is wrong with a token. What it should have been is for the log alone.
func invalid(err error) *proxy.Error {
	if _, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
		return refuse("The token has expired, or does not say when it does (exp).")
	}
	text := err.Error()
	if len(text) > maxCause {
		text = text[:maxCause]
	}
	return proxy.Wrap(errors.New(text), proxy.KindNotAuthenticated,
		"The token is not valid here: its signature, algorithm, issuer, audience or form is wrong.")
}

// checkTimes looks at what go-oidc is more generous with: a token must say when it ends, and may not
// begin later than clocks differ.
func checkTimes(claims map[string]any) *proxy.Error {
	if _, ok := claims["exp"].(float64); !ok {
		return refuse("The token does not say when it ends (exp).")
	}
	begins, given := claims["nbf"]
	if !given {
		return nil
	}
	seconds, ok := begins.(float64)
	if !ok {
		return refuse("The token's begin (nbf) is no number.")
	}
	if now := float64(time.Now().Add(leeway).UnixMilli()) / 1000; seconds > now {
		return refuse("The token is not valid yet (nbf).")
	}
	return nil
}

// ExpiresAt is when a connection that has a pass ends, zero for never. A token that was taken though
// this clock says that it has expired ends when the leeway does.
func (p Pass) ExpiresAt(now time.Time) time.Time {
	at := p.Identity.Expires
	if at.IsZero() || at.After(now) {
		return at
	}
	return at.Add(leeway)
}

// Expired is why a connection ends whose token has.
func Expired() *proxy.Error { return refuse("The token has expired.") }

// String hides the token.
func (p Pass) String() string { return fmt.Sprintf("%q", p.Identity.Subject) }

// GoString hides the token.
func (p Pass) GoString() string { return p.String() }
