package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
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

// issuer is an OpenID provider.
type issuer struct {
	t    *testing.T
	http *httptest.Server

	mu     sync.Mutex // guards what follows
	server oidctest.Server
	key    crypto.Signer
	id     string
	down   bool
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{t: t}
	i.rotate()
	i.http = httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(i.http.Close)
	i.server.SetIssuer(i.http.URL)
	return i
}

func (i *issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.down {
		panic(http.ErrAbortHandler) // hangs up
	}
	i.server.ServeHTTP(w, r)
}

// rotate replaces the signing key: tokens that were signed before are not valid anymore.
func (i *issuer) rotate() {
	i.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key, i.id = key, unique("key")
	i.server.PublicKeys = []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: i.id, Algorithm: oidc.ES256}}
}

func (i *issuer) setDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// token returns a token for a subject, with changed claims; nil drops one.
func (i *issuer) token(subject string, changes map[string]any) string {
	i.t.Helper()
	claims := map[string]any{"iss": i.http.URL, "aud": "wsproxy", "sub": subject, "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	return oidctest.SignIDToken(i.key, i.id, oidc.ES256, string(text))
}

// until returns a token that expires at a time, in whole seconds.
func (i *issuer) until(subject string, end time.Time) string {
	return i.token(subject, map[string]any{"exp": end.Unix()})
}

// settings returns those of a proxy that accepts the issuer's tokens.
func (i *issuer) settings(more ...string) []string {
	return append([]string{
		"OPENID_ENABLED=true", "OPENID_AUDIENCE=wsproxy", "OPENID_WELLKNOWN=" + i.http.URL + "/.well-known/openid-configuration",
	}, more...)
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// dialAs opens a socket with a value for the header Authorization.
func (p *proxy) dialAs(t *testing.T, authorization, path string, offers ...string) *client {
	t.Helper()
	header := make(http.Header)
	if authorization != "" {
		header.Set("Authorization", authorization)
	}
	return p.dialWith(t, header, path, offers...)
}

// renewal is the message that renews a token.
func renewal(token string) string { return `{"auth":{"token":"` + token + `"}}` }
