//go:build linux

package leaks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
)

// audience is whom tokens are for.
const audience = "wsproxy"

// provider is an OpenID provider.
type provider struct {
	http *httptest.Server
	key  crypto.Signer
}

const keyID = "key"

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	server := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: keyID, Algorithm: oidc.ES256}}}
	p := &provider{httptest.NewServer(server), key}
	t.Cleanup(p.http.Close)
	server.SetIssuer(p.http.URL)
	return p
}

func (p *provider) discovery() string { return p.http.URL + "/.well-known/openid-configuration" }

// token is one for a subject that lasts for a time from now.
func (p *provider) token(subject string, lasts time.Duration) string {
	claims := fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":%q,"exp":%d}`, p.http.URL, audience, subject, time.Now().Add(lasts).Unix())
	return oidctest.SignIDToken(p.key, keyID, oidc.ES256, claims)
}
