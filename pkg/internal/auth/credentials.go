package auth

import (
	"encoding/base64"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// maxCredential is the longest token, or pair of user and password, that is read.
const maxCredential = 16 << 10

// The subprotocols in which browsers, which cannot set headers, send credentials.
const (
	bearerProtocol = "wsproxy.bearer." //nolint:gosec // a prefix, and no credential
	basicProtocol  = "wsproxy.basic."
	kafkaProtocol  = "wsproxy.kafka."
)

// credentials are the credentials of a request.
type credentials struct {
	method         string // MethodNone where there are none
	user, password string
	token          string
}

// readCredentials reads the header Authorization, or the subprotocols that stand for it.
func readCredentials(h http.Header) (credentials, *proxy.Error) {
	header, inHeader, e := single(h, "Authorization")
	if e != nil {
		return credentials{method: MethodNone}, e
	}
	bearer, basic := protocols(h, bearerProtocol), protocols(h, basicProtocol)
	switch brought := len(bearer) + len(basic); {
	case brought == 0 && !inHeader:
		return credentials{method: MethodNone}, nil
	case inHeader && brought > 0:
		return credentials{method: MethodNone}, refuse("Credentials are in Authorization and in Sec-WebSocket-Protocol: use one of them.")
	case brought > 1:
		return credentials{method: MethodNone}, refuse("Sec-WebSocket-Protocol: there are credentials more than once.")
	case len(bearer) == 1:
		return bearerCredentials("Sec-WebSocket-Protocol", bearer[0])
	case len(basic) == 1:
		return basicCredentials("Sec-WebSocket-Protocol", base64.RawURLEncoding, basic[0])
	default:
		return authorization(header)
	}
}

// authorization reads the value of the header (RFC 9110, section 11.4).
func authorization(value string) (credentials, *proxy.Error) {
	scheme, rest, _ := strings.Cut(value, " ")
	rest = strings.Trim(rest, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return bearerCredentials("Authorization", rest)
	case strings.EqualFold(scheme, "Basic"):
		return basicCredentials("Authorization", base64.StdEncoding, rest)
	default:
		return credentials{method: MethodNone}, refuse("Authorization: must begin with Basic or Bearer.")
	}
}

func bearerCredentials(where, token string) (credentials, *proxy.Error) {
	c := credentials{method: MethodBearer, token: token}
	return c, checkToken(where, token)
}

// checkToken checks a token's form: three parts in base64url, at most maxCredential bytes long.
func checkToken(where, token string) *proxy.Error {
	if len(token) > maxCredential {
		return refuse("%s: the token is longer than %d bytes.", where, maxCredential)
	}
	foreign := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.", r)
	}
	if strings.Count(token, ".") != 2 || strings.ContainsFunc(token, foreign) {
		return refuse("%s: the token must be a JWT: three parts in base64url with dots between them.", where)
	}
	return nil
}

func basicCredentials(where string, encoding *base64.Encoding, value string) (credentials, *proxy.Error) {
	user, password, e := userAndPassword(where, encoding, value)
	return credentials{method: MethodBasic, user: user, password: password}, e
}

// userAndPassword reads user:password (RFC 7617, section 2).
func userAndPassword(where string, encoding *base64.Encoding, value string) (user, password string, e *proxy.Error) {
	if len(value) > maxCredential {
		return "", "", refuse("%s: is longer than %d bytes.", where, maxCredential)
	}
	text, err := encoding.Strict().DecodeString(value)
	if err != nil || strings.ContainsAny(value, "\r\n") { // the decoder skips line breaks
		return "", "", refuse("%s: user:password must be in base64.", where)
	}
	user, password, found := strings.Cut(string(text), ":")
	if !found || user == "" {
		return "", "", refuse("%s: must be user:password in base64.", where)
	}
	if !utf8.Valid(text) || strings.ContainsFunc(string(text), unicode.IsControl) {
		return "", "", refuse("%s: user and password must be UTF-8 without control characters.", where)
	}
	return user, password, nil
}

// single returns the value of a header that may be given at most once.
func single(h http.Header, name string) (value string, given bool, e *proxy.Error) {
	values := h.Values(name)
	if len(values) > 1 {
		return "", true, refuse("%s: is given more than once.", name)
	}
	if len(values) == 0 {
		return "", false, nil
	}
	return values[0], true, nil
}

// protocols returns the rest of each offered subprotocol that begins with a prefix.
func protocols(h http.Header, prefix string) (found []string) {
	for _, line := range h.Values("Sec-WebSocket-Protocol") {
		for offer := range strings.SplitSeq(line, ",") {
			if rest, ok := strings.CutPrefix(strings.Trim(offer, " \t"), prefix); ok {
				found = append(found, rest)
			}
		}
	}
	return found
}
