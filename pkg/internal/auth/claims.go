package auth

import (
	"cmp"
	"slices"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// subject returns the subject of a token, from the configured claim.
func (p *Provider) subject(claims map[string]any) (string, *proxy.Error) {
	claim := cmp.Or(p.options.SubjectClaim, "sub")
	name, _ := claims[claim].(string)
	if name == "" {
		return "", refuse("The token has no subject: %s must be text that is not empty.", claim)
	}
	return name, nil
}

// checkAudience refuses tokens for other audiences, where one is configured. The claim is one audience or
// a list of them (RFC 7519, section 4.1.3).
func (p *Provider) checkAudience(claims map[string]any) *proxy.Error {
	wanted := p.options.Audience
	if wanted == "" {
		return nil
	}
	claim := cmp.Or(p.options.AudienceClaim, "aud")
	switch given := claims[claim].(type) {
	case string:
		if given == wanted {
			return nil
		}
	case []any:
		if slices.Contains(given, any(wanted)) {
			return nil
		}
	}
	return refuse("The token is not valid here: it is for another audience (%s).", claim)
}
