package auth

import (
	"net/http"
	"strings"
)

// Realms are the realms of the WWW-Authenticate headers.
type Realms struct {
	Basic, Bearer string
}

// defaultRealm is the realm where none is configured.
const defaultRealm = "wsproxy"

// Challenge adds the headers that go with a 401: how clients can authenticate (RFC 9110, section
// 11.6.1).
func (c *Chain) Challenge(h http.Header) {
	if c.Bearer != nil {
		h.Add("WWW-Authenticate", "Bearer realm="+quoteRealm(c.Realms.Bearer))
	}
	if c.Basic != nil {
		h.Add("WWW-Authenticate", "Basic realm="+quoteRealm(c.Realms.Basic)+`, charset="UTF-8"`)
	}
	if h.Get("WWW-Authenticate") == "" {
		// Certificates have no scheme, nor have credentials for Kafka alone. No browser knows this
		// scheme, so that none prompts its user for a password.
		h.Add("WWW-Authenticate", kafkaHeader+" realm="+quoteRealm(""))
	}
}

// quoteRealm writes a quoted-string (RFC 9110, section 5.6.4).
func quoteRealm(realm string) string {
	if realm == "" {
		realm = defaultRealm
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(realm) + `"`
}
