package policy

import (
	"slices"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// subject is a glob of principals' names, for one method or for any.
type subject struct {
	method proxy.Method // empty for any
	glob   string       // flattened
}

// parseSubject reads name, or method:name.
func parseSubject(text string) subject {
	for _, method := range []proxy.Method{proxy.MethodUser, proxy.MethodToken, proxy.MethodCert, proxy.MethodKafka} {
		if glob, ok := strings.CutPrefix(text, string(method)+":"); ok {
			return subject{method, flatten(glob)}
		}
	}
	return subject{glob: flatten(text)}
}

// matchesAny tells whether one of the subjects matches a principal.
func matchesAny(subjects []subject, p proxy.Principal) bool {
	name := flatten(p.Name)
	return slices.ContainsFunc(subjects, func(s subject) bool {
		return (s.method == "" || s.method == p.Method) && matches(s.glob, name)
	})
}
