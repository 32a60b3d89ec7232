package policy

import (
	"slices"
	"strconv"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// fits tells whether a rule applies to a client.
func (r *rule) fits(who *proxy.Identity) bool {
	if r.subjects != nil && !matchesAny(r.subjects, who.Principal) {
		return false
	}
	for name, wanted := range r.claims {
		if !holds(claim(who.Claims, name), wanted) {
			return false
		}
	}
	return true
}

// claim returns a claim by its name. A name with dots that is not itself a claim is a path into nested
// claims, as realm_access.roles of Keycloak.
func claim(claims map[string]any, name string) any {
	if value, ok := claims[name]; ok {
		return value
	}
	outer, inner, found := strings.Cut(name, ".")
	within, ok := claims[outer].(map[string]any)
	if !found || !ok {
		return nil
	}
	return claim(within, inner)
}

// holds tells whether a claim is one of the wanted values, or a list that has one of them. Text is also a
// list of words, as scope is (RFC 8693, section 4.2).
func holds(value any, wanted []string) bool {
	if list, ok := value.([]any); ok {
		return slices.ContainsFunc(list, func(item any) bool { return is(item, wanted) })
	}
	if text, ok := value.(string); ok && slices.ContainsFunc(strings.Fields(text), func(word string) bool { return is(word, wanted) }) {
		return true
	}
	return is(value, wanted)
}

func is(value any, wanted []string) bool {
	text, ok := textOf(value)
	return ok && slices.Contains(wanted, text)
}

// textOf writes text, numbers and booleans as a policy does.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), true
	default:
		return "", false
	}
}
