package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
)

const (
	issuerURL = "https://issuer.example"
	audience  = "wsproxy"
)

// signer is a signing key of the issuer, or of another party.
type signer struct {
	private crypto.Signer
	id, alg string
}

var (
	rsaKey   = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	otherKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func rsaSigner() signer { return signer{rsaKey(), "rsa", oidc.RS256} }
func ecSigner() signer  { return signer{ecKey(), "ec", oidc.ES256} }

// issuer is an OpenID provider without a network, so that time can be virtual.
type issuer struct {
	mu      sync.Mutex
	server  oidctest.Server
	down    bool
	answer  http.HandlerFunc // replaces the server's handler, if set
	asked   int              // how often the keys were requested
	waiting chan struct{}    // if set, answers wait for it
}

func newIssuer(keys ...signer) *issuer {
	i := new(issuer)
	i.server.SetIssuer(issuerURL)
	i.publish(keys...)
	return i
}

func (i *issuer) publish(keys ...signer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.server.PublicKeys = nil
	for _, key := range keys {
		i.server.PublicKeys = append(i.server.PublicKeys, oidctest.PublicKey{PublicKey: key.private.Public(), KeyID: key.id, Algorithm: key.alg})
	}
}

func (i *issuer) set(change func(*issuer)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change(i)
}

// times returns how often the keys were requested.
func (i *issuer) times() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// RoundTrip implements http.RoundTripper.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	waiting := i.waiting
	i.mu.Unlock()
	if waiting != nil {
		select {
		case <-waiting:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/keys") {
		i.asked++
	}
	if i.down {
		return nil, errors.New("connection refused")
	}
	w := httptest.NewRecorder()
	if i.answer != nil {
		i.answer(w, r)
	} else {
		i.server.ServeHTTP(w, r)
	}
	return w.Result(), nil
}

// provider returns a provider of the issuer's tokens.
func (i *issuer) provider(change func(*ProviderOptions)) *Provider {
	o := ProviderOptions{
		WellKnown: issuerURL + "/.well-known/openid-configuration", Audience: audience, Interval: time.Minute, ErrorsLimit: -1,
		Transport: i, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	return NewProvider(o)
}

// ready returns a bearer that has the issuer's keys.
func (i *issuer) ready(t *testing.T) *Bearer {
	t.Helper()
	p := i.provider(nil)
	if err := p.refresh(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	return &Bearer{p}
}

// claims returns the claims of a valid token, with changes; nil drops a claim.
func claims(changes map[string]any) string {
	all := map[string]any{
		"iss": issuerURL, "aud": audience, "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return string(must(json.Marshal(all)))
}

func (s signer) token(changes map[string]any) string {
	return oidctest.SignIDToken(s.private, s.id, s.alg, claims(changes))
}

// run runs a provider until the test's end or stop.
func run(t *testing.T, p *Provider, checked func()) (stop func()) {
	t.Helper()
	if checked == nil {
		checked = func() {}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.Run(ctx, checked)
	}()
	return func() {
		cancel()
		<-ended
	}
}
