package auth

import (
	"encoding/base64"
	"net/http"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// kafkaHeader holds a user and a password for Kafka, as base64 of user:password.
const kafkaHeader = "X-Kafka-Auth"

// KafkaRules say where a client's Kafka credentials come from. Claims of its token take precedence over
// the token itself, and the token over the credentials that the client sent beside it.
type KafkaRules struct {
	UsernameClaim, PasswordClaim string // claims of the token, empty for none
	TokenOnly                    bool   // credentials beside the token are refused
	Passthrough                  bool   // the bearer token itself is for Kafka
	Required                     bool   // a socket without Kafka credentials is refused
}

// read reads the Kafka credentials that a client sends beside its token: in X-Kafka-Auth, or the
// subprotocol that stands for it.
func (k *KafkaRules) read(h http.Header) (proxy.KafkaCredentials, *proxy.Error) {
	where, encoding := kafkaHeader, base64.StdEncoding
	value, given, e := single(h, kafkaHeader)
	if e != nil {
		return proxy.KafkaCredentials{}, e
	}
	offered := protocols(h, kafkaProtocol)
	switch {
	case !given && len(offered) == 0:
		return proxy.KafkaCredentials{}, nil
	case given && len(offered) > 0, len(offered) > 1:
		return proxy.KafkaCredentials{}, refuse("Kafka credentials are given more than once, in X-Kafka-Auth or in Sec-WebSocket-Protocol.")
	case k.TokenOnly:
		return proxy.KafkaCredentials{}, refuse("%s: Kafka credentials are taken from the token alone.", where)
	case !given:
		where, encoding, value = "Sec-WebSocket-Protocol", base64.RawURLEncoding, offered[0]
	}
	user, password, e := userAndPassword(where, encoding, value)
	return proxy.KafkaCredentials{Username: user, Password: password}, e
}

// choose returns the Kafka credentials of a pass.
func (k *KafkaRules) choose(p *Authentication) (proxy.KafkaCredentials, *proxy.Error) {
	user, password := textClaim(p, k.UsernameClaim), textClaim(p, k.PasswordClaim)
	chosen := p.brought
	switch {
	case user != "" && password != "":
		chosen = proxy.KafkaCredentials{Username: user, Password: password}
	case k.Passthrough && p.bearer != "":
		chosen = proxy.KafkaCredentials{Token: p.bearer}
	}
	if chosen.IsZero() && k.Required {
		return chosen, refuse("Kafka credentials are required: %s.", k.places())
	}
	return chosen, nil
}

// places says where Kafka credentials may be.
func (k *KafkaRules) places() string {
	if k.TokenOnly {
		return "the token must carry them"
	}
	return "send X-Kafka-Auth, or in a browser the subprotocol wsproxy.kafka.<base64url user:pass>"
}

// textClaim returns a claim that is a string, or nothing.
func textClaim(p *Authentication, name string) string {
	if name == "" {
		return ""
	}
	text, _ := p.Identity.Claims[name].(string)
	return text
}
