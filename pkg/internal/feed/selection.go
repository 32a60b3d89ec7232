package feed

import (
	"slices"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Selection tells which records a tail is given. It is not changed once a tail has it; the parts may be shared.
type Selection struct {
	Partition int32               // that alone, or proxy.AnyPartition
	Keys      map[string]struct{} // wanted keys, as the tail's frames show them; nil where none are named
	Prefixes  []string            // and those that begin so; without both, all keys are wanted
	Where     *Filter             // may be nil
	Allowed   *Allowed            // the keys that may be delivered, nil for all
}

// everything is the selection of all records.
func everything() *Selection { return &Selection{Partition: proxy.AnyPartition} }

// isAll tells whether all records are wanted.
func (s *Selection) isAll() bool {
	return s == nil || s.Partition == proxy.AnyPartition && s.Where == nil && !s.byKey()
}

// Allowed is a rule about keys.
type Allowed struct {
	Rule string // equal rules have equal texts
	Keys func(key string) bool
}

// byKey tells whether the selection depends on the key.
func (s *Selection) byKey() bool { return s.Keys != nil || len(s.Prefixes) > 0 || s.Allowed != nil }

// wantsKey tells whether records with a key are wanted.
func (s *Selection) wantsKey(key string, has bool) bool {
	if s.Allowed != nil && (!has || !s.Allowed.Keys(key)) {
		return false
	}
	if s.Keys == nil && len(s.Prefixes) == 0 {
		return true
	}
	if !has {
		return false
	}
	_, wanted := s.Keys[key]
	return wanted || s.hasPrefixOf(key)
}

func (s *Selection) hasPrefixOf(key string) bool {
	return slices.ContainsFunc(s.Prefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// matches tells whether a record is wanted. key is called only where the selection depends on it, and holds evaluates
// Where.
func (s *Selection) matches(r *proxy.Record, key func(r *proxy.Record) string, holds func(f *Filter, r *proxy.Record) bool) bool {
	if s == nil {
		return true
	}
	if s.Partition != proxy.AnyPartition && r.Partition != s.Partition {
		return false
	}
	if s.byKey() {
		text := ""
		if r.Key != nil {
			text = key(r)
		}
		if !s.wantsKey(text, r.Key != nil) {
			return false
		}
	}
	return s.Where == nil || holds(s.Where, r)
}
