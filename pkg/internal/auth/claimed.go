package auth

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// Claimed returns the name that a request claims, for the log. It is unverified, and nothing may depend
// on it. It is never a password or a token: an unknown user name may be a password in the wrong field,
// and is left out.
func (c *Chain) Claimed(r *http.Request) string {
	given, e := readCredentials(r.Header)
	switch {
	case e != nil:
		return "" // malformed credentials may hold a password anywhere
	case given.method == MethodBasic && c.Basic != nil && c.Basic.knows(given.user):
		return given.user
	case given.method == MethodBearer:
		return claimedSubject(given.token)
	case hasCertificate(r.TLS):
		return r.TLS.PeerCertificates[0].Subject.CommonName
	}
	return ""
}

// claimedSubject reads the claim sub of a token, which has three parts.
func claimedSubject(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct {
		Subject string `json:"sub"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return claims.Subject
}
