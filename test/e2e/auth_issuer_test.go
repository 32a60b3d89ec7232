package e2e

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/provider"
)

// issuer is an OpenID provider.
type issuer struct{ *provider.Provider }

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	return &issuer{provider.New(t)}
}

func (i *issuer) rotate()           { i.Rotate() }
func (i *issuer) setDown(down bool) { i.SetDown(down) }

func (i *issuer) token(subject string, changes map[string]any) string {
	return i.Token(subject, changes)
}

func (i *issuer) until(subject string, end time.Time) string { return i.Until(subject, end) }

// settings returns those of a proxy that accepts the issuer's tokens.
func (i *issuer) settings(more ...string) []string {
	var settings []string
	for _, s := range i.Settings() {
		settings = append(settings, strings.TrimPrefix(s, "WSPROXY_"))
	}
	return append(settings, more...)
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
