// Package policy holds the rules of who may produce and consume what.
//
// # What must hold
//
//   - With a file, what no rule allows is refused.
//   - A rule is a whole: what it allows for its topics holds for its groups, and one rule's topics
//     are never taken together with another one's groups.
//   - A file with a fault is refused as a whole, so that a mistyped name cannot open a door.
package policy

import (
	"fmt"
	"sync/atomic"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Rules are a policy.
type Rules struct{ rules []rule }

// rule allows some clients some things. All of its globs have been checked.
type rule struct {
	subjects []string            // any where nil
	claims   map[string][]string // all of them must match
	produce  []string
	consume  []string
	groups   []string // any where nil
}

// Use is what a client is about to do.
type Use struct {
	Topic string
	Write bool
	Group string // empty where it is no member of one
}

// Allows tells whether any rule lets a client do something.
func (r *Rules) Allows(who *proxy.Identity, use Use) bool {
	for i := range r.rules {
		if rule := &r.rules[i]; rule.covers(use) && rule.fits(who) {
			return true
		}
	}
	return false
}

func (r *rule) covers(use Use) bool {
	if use.Write {
		return Matches(r.produce, use.Topic)
	}
	return Matches(r.consume, use.Topic) && (use.Group == "" || r.groups == nil || Matches(r.groups, use.Group))
}

// File is a policy that can be replaced while it is in use.
type File struct {
	name  string
	rules atomic.Pointer[Rules]
	// Changed is called after each replacement; nil where nobody has to know.
	Changed func()
}

// NewFile returns a policy that allows nothing until Use. The name is for faults.
func NewFile(name string) *File {
	f := &File{name: name}
	f.rules.Store(new(Rules))
	return f
}

// Use takes the content of the file. Where it is faulty the rules before stay in force.
func (f *File) Use(contents [][]byte) error {
	rules, err := Parse(f.name, contents[0])
	if err != nil {
		return fmt.Errorf("reading the policy: %w", err)
	}
	f.rules.Store(rules)
	if f.Changed != nil {
		f.Changed()
	}
	return nil
}

// Allows tells whether the policy in force lets a client do something.
func (f *File) Allows(who *proxy.Identity, use Use) bool { return f.rules.Load().Allows(who, use) }
