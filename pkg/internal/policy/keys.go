package policy

import (
	"slices"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Keys are the record keys of a topic that a client may be sent.
type Keys struct {
	all   bool
	globs []string // flattened
}

// All tells whether all keys may be sent.
func (k Keys) All() bool { return k.all }

// String returns a text that is equal for equal keys.
func (k Keys) String() string {
	if k.all {
		return "all"
	}
	return strings.Join(slices.Sorted(slices.Values(k.globs)), "\n")
}

// Allow tells whether a record with a key may be sent.
func (k Keys) Allow(key string) bool {
	if k.all {
		return true
	}
	flat := flatten(key)
	return slices.ContainsFunc(k.globs, func(glob string) bool { return matches(glob, flat) })
}

// Keys returns the keys that a client may be sent where it uses a topic. Where several rules let it do
// so, it may be sent the keys of each; a rule without keys allows all.
func (r *Rules) Keys(who *proxy.Identity, use Use) Keys {
	var keys Keys
	for i := range r.rules {
		rule := &r.rules[i]
		if !rule.covers(who, use) || !rule.fits(who) {
			continue
		}
		if rule.keys == nil {
			return Keys{all: true}
		}
		for _, p := range rule.keys {
			if glob, ok := p.glob(who); ok {
				keys.globs = append(keys.globs, glob)
			}
		}
	}
	return keys
}
