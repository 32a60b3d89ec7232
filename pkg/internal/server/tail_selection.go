package server

import (
	"fmt"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// selection reads which records a tail wants.
func (q *query) selection(from *tailFrom) *feed.Selection {
	s := &feed.Selection{Partition: from.alone()}
	keys, prefixes := q.texts("key"), q.texts("keyPrefix")
	if len(keys) > mostKeysInURL {
		q.add("key", proxy.KindInvalidParameter, fmt.Sprintf("is given more than %d times: subscribe to further keys on the open socket.", mostKeysInURL))
	}
	if len(prefixes) > mostKeysInURL {
		q.fault("keyPrefix", fmt.Sprintf("is given more than %d times.", mostKeysInURL))
	}
	s.Keys, s.Prefixes = keySet(keys), prefixes
	if where := q.text("where"); where != "" {
		filter, err := feed.ParseFilter([]byte(where))
		if err != nil {
			q.fault("where", err.Error()+".")
		}
		s.Where = filter
	}
	return s
}

// keySet returns a set of keys, nil where none are named.
func keySet(keys []string) map[string]struct{} {
	if keys == nil {
		return nil
	}
	set := make(map[string]struct{}, len(keys))
	for _, key := range keys {
		set[key] = struct{}{}
	}
	return set
}

// reduced returns a selection for a tail to keep, nil for one of all.
func reduced(s feed.Selection) *feed.Selection {
	if s.Partition == proxy.AnyPartition && s.Keys == nil && len(s.Prefixes) == 0 && s.Where == nil && s.Allowed == nil {
		return nil
	}
	return &s
}

// beyondAll stands for whatever may follow a prefix.
const beyondAll = "\U0010FFFF"

// bounded adds the keys that a policy allows to a selection. Keys that are wanted and not allowed are refused. name is
// how the client has named them.
func bounded(s feed.Selection, keys policy.Keys, name func(kind string) string) (*feed.Selection, *proxy.Error) {
	if keys.All() {
		return &s, nil
	}
	for key := range s.Keys {
		if !keys.Allow(key) {
			return nil, proxy.Errorf(proxy.KindNotAuthorized, "%s: you may not read the key %q.", name("key"), shorten(key, maxEcho))
		}
	}
	for _, prefix := range s.Prefixes {
		if !keys.Allow(prefix + beyondAll) {
			return nil, proxy.Errorf(proxy.KindNotAuthorized, "%s: you may not read all keys that begin with %q.", name("keyPrefix"), shorten(prefix, maxEcho))
		}
	}
	s.Allowed = &feed.Allowed{Rule: keys.String(), Keys: keys.Allow}
	return &s, nil
}

// inQuery names a parameter of the query.
func inQuery(kind string) string { return kind }
