package client

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const (
	// leastRenewal is how long a new token is left alone.
	leastRenewal = time.Second
	// renewAgain is how long after a renewal that has failed, or for which there was no other token yet, the next one is.
	renewAgain = 5 * time.Second
	// longestWait bounds a wait for an expiry, which may be centuries away.
	longestWait = 24 * time.Hour
)

// renewal brings a connection new tokens before those that it has expire.
type renewal struct {
	asked   atomic.Bool    // whether the next answer is to a renewal
	answers chan time.Time // until when the new token is good; the zero time where the proxy cannot tell now
}

// renewTokens renews the token of a connection until that ends. Of tokens that are no JWT nobody knows when they expire: they are left alone, and the
// next connection brings another one.
func (c *conn) renewTokens(ask func(context.Context) (string, error), token string) {
	expires, least := expiryOf(token), leastRenewal
	for !expires.IsZero() {
		wait := time.Duration(float64(time.Until(expires)) * (0.7 + 0.1*rand.Float64())) //nolint:gosec // spreading needs no secrets
		if sleep(c.ctx, min(max(wait, least), longestWait)) != nil {
			return
		}
		least = renewAgain
		if time.Until(expires) > longestWait {
			continue
		}
		next, err := c.askFor(ask)
		if err != nil || next == token {
			continue
		}
		if until := c.renew(next); !until.IsZero() {
			token, expires, least = next, until, leastRenewal
		}
	}
}

func (c *conn) askFor(ask func(context.Context) (string, error)) (string, error) {
	ctx, cancel := context.WithTimeout(c.ctx, handshakeTimeout)
	defer cancel()
	return ask(ctx)
}

// renew sends a token, and returns until when it is good.
func (c *conn) renew(token string) (expires time.Time) {
	message, err := json.Marshal(map[string]any{"auth": map[string]string{"token": token}})
	if err != nil {
		return time.Time{}
	}
	c.renewal.asked.Store(true)
	if c.write(message) != nil {
		return time.Time{}
	}
	select {
	case expires = <-c.renewal.answers:
		return expires
	case <-c.ctx.Done():
		return time.Time{}
	}
}

// takeRenewal takes the answer to a renewal, which comes in its turn among the others.
func (c *conn) takeRenewal(message []byte) (taken bool) {
	if !c.renewal.asked.Load() {
		return false
	}
	var answer struct {
		Auth  *struct{ ExpiresAt int64 }
		Error *failure
		ID    string `json:"wsProxyMessageId"`
	}
	if !bytes.HasPrefix(message, []byte(`{"auth"`)) && !isError(message) || json.Unmarshal(message, &answer) != nil {
		return false
	}
	var expires time.Time
	switch {
	case answer.Auth != nil:
		expires = time.UnixMilli(answer.Auth.ExpiresAt)
	case answer.Error == nil, answer.ID != "", answer.Error.Code != proxy.KindOverloaded.String():
		return false
	}
	c.renewal.asked.Store(false)
	c.renewal.answers <- expires // it has room for one
	return true
}

// expiryOf returns when a JWT expires (RFC 7519, 4.1.4), the zero time where the token does not tell.
func expiryOf(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct{ Exp float64 }
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.Exp <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Exp), 0)
}
