// Package provider is an OpenID provider for tests, which can be down and can replace its keys.
package provider

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
)

// Audience is that of the tokens.
const Audience = "wsproxy"

// Provider is an OpenID provider. Its methods may be called concurrently.
type Provider struct {
	t    testing.TB
	http *httptest.Server

	mu     sync.Mutex // guards what follows
	server oidctest.Server
	key    crypto.Signer
	id     string // of the key
	down   bool
}

// New starts a provider, which ends with the test.
func New(t testing.TB) *Provider {
	t.Helper()
	p := &Provider{t: t}
	p.Rotate()
	p.http = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.http.Close)
	p.server.SetIssuer(p.http.URL)
	return p
}

// URL is the issuer's, below which its discovery document lies.
func (p *Provider) URL() string { return p.http.URL }

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		panic(http.ErrAbortHandler) // hangs up
	}
	p.server.ServeHTTP(w, r)
}

// Rotate replaces the signing key: tokens that were signed before are not valid anymore.
func (p *Provider) Rotate() {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.id = key, rand.Text() // else another provider's keys would have the same names
	p.server.PublicKeys = []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: p.id, Algorithm: oidc.ES256}}
}

// SetDown has the provider answer nobody, or serve again.
func (p *Provider) SetDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// Token returns a token for a subject, with changed claims; nil drops one. It is valid for an hour unless they say otherwise.
func (p *Provider) Token(subject string, changes map[string]any) string {
	p.t.Helper()
	claims := map[string]any{"iss": p.http.URL, "aud": Audience, "sub": subject, "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return oidctest.SignIDToken(p.key, p.id, oidc.ES256, string(text))
}

// Until returns a token that expires at a time, in whole seconds.
func (p *Provider) Until(subject string, end time.Time) string {
	return p.Token(subject, map[string]any{"exp": end.Unix()})
}

// Settings returns those of a proxy that accepts the provider's tokens.
func (p *Provider) Settings() []string {
	return []string{
		"WSPROXY_OPENID_ENABLED=true", "WSPROXY_OPENID_AUDIENCE=" + Audience, "WSPROXY_OPENID_WELLKNOWN=" + p.http.URL + "/.well-known/openid-configuration",
	}
}
