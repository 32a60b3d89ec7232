package auth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// maxCause bounds how much of a library's error the log repeats: the error may hold text from the client.
const maxCause = 300

// latestExpiry is the last second of the year 9999. A token with a later expiry expires then.
const latestExpiry = 253402300799

// Bearer authenticates users by the tokens of an OpenID provider.
type Bearer struct{ Provider *Provider }

// check verifies a token and returns its pass.
func (b *Bearer) check(ctx context.Context, token string) (Authentication, *proxy.Error) {
	if e := checkToken("The bearer token", token); e != nil {
		return Authentication{}, e
	}
	asked, _ := b.Provider.requests()
	verifier := b.Provider.now.Load()
	if verifier == nil {
		if err := b.Provider.refresh(ctx, minRefresh); err != nil {
			return Authentication{}, cannotAsk(err)
		}
		if verifier = b.Provider.now.Load(); verifier == nil {
			return Authentication{}, cannotAsk(errors.New("its keys were dropped"))
		}
	}
	p, signature, e := b.judge(ctx, verifier, token)
	if signature == verifiable {
		return p, e
	}
	if err := b.Provider.refresh(ctx, minRefresh); err != nil {
		return Authentication{}, cannotAsk(err)
	}
	if verifier = b.Provider.now.Load(); verifier != nil {
		p, signature, e = b.judge(ctx, verifier, token)
	}
	if _, answered := b.Provider.requests(); signature == byUnknownKey && answered <= asked {
		// The key may be newer than the cached ones, and it is too early to request the keys again.
		return Authentication{}, cannotAsk(errUnknownKey)
	}
	return p, e
}

// recheck verifies a token by the cached keys, without requesting others.
func (b *Bearer) recheck(ctx context.Context, token string) *proxy.Error {
	verifier := b.Provider.now.Load()
	if verifier == nil {
		return refuse("The identity provider has not answered for too long.")
	}
	_, signature, e := b.judge(ctx, verifier, token)
	if signature != verifiable {
		return refuse("The token's key is not valid anymore.")
	}
	return e
}

// cannotAsk tells a client to try again: its credentials are not at fault.
func cannotAsk(err error) *proxy.Error {
	return proxy.Wrap(err, proxy.KindOverloaded, "The token cannot be checked now, as the identity provider's keys are not at hand: try again later.")
}

// judge verifies a token. signature tells whether the cached keys could verify it.
func (b *Bearer) judge(ctx context.Context, verifier *oidc.IDTokenVerifier, token string) (p Authentication, signature signature, e *proxy.Error) {
	verified, err := verifier.Verify(context.WithValue(ctx, signatureKey{}, &signature), token)
	if err != nil {
		return Authentication{}, signature, invalid(err)
	}
	var claims map[string]any
	if err := verified.Claims(&claims); err != nil {
		return Authentication{}, verifiable, invalid(err)
	}
	if e := checkTimes(claims); e != nil {
		return Authentication{}, verifiable, e
	}
	if e := b.Provider.checkAudience(claims); e != nil {
		return Authentication{}, verifiable, e
	}
	name, e := b.Provider.subject(claims)
	if e != nil {
		return Authentication{}, verifiable, e
	}
	expires := verified.Expiry
	if latest := time.Unix(latestExpiry, 0); expires.After(latest) {
		expires = latest
	}
	return Authentication{
		Identity: proxy.Identity{Principal: proxy.Principal{Method: proxy.MethodToken, Name: name}, Claims: claims, Expires: expires},
		bearer:   token,
	}, verifiable, nil
}

// invalid says what is wrong with a token. Only the log says what was expected instead.
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

// checkTimes is stricter than go-oidc: a token must have an expiry (exp), and its begin (nbf) may lie in
// the future by no more than the leeway.
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

// ExpiresAt returns when the connection of a pass must end, zero for never. A token that was accepted
// although it has expired by this clock ends with the leeway. Certificates have no leeway.
func (p Authentication) ExpiresAt(now time.Time) time.Time {
	at := p.Identity.Expires
	if at.IsZero() || at.After(now) || !p.Renewable() {
		return at
	}
	return at.Add(leeway)
}

// Expired returns the error for a connection whose pass has expired.
func (p Authentication) Expired() *proxy.Error {
	if p.Renewable() {
		return refuse("The token has expired.")
	}
	return refuse("The client certificate has expired.")
}

// String hides the token.
func (p Authentication) String() string { return fmt.Sprintf("%q", p.Identity.Principal) }

// GoString hides the token.
func (p Authentication) GoString() string { return p.String() }
