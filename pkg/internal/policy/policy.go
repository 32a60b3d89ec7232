// Package policy holds the rules of who may produce and consume what, and who is an administrator.
//
// # What must hold
//
//   - With a file, what no rule allows is refused.
//   - A rule is a whole: what it allows for its topics holds for its groups, clients and keys, and one
//     rule's topics are never combined with another one's groups.
//   - A client's name and claims are never read as globs.
//   - A file with a fault is refused as a whole, so that a mistyped name cannot grant access.
package policy

import (
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Rules are a policy.
type Rules struct{ rules []rule }

// rule allows some clients some uses. All of its globs are valid.
type rule struct {
	subjects []subject           // any where nil
	claims   map[string][]string // all of them must match
	produce  patterns
	consume  patterns
	groups   patterns // any where nil
	clients  patterns // any where nil
	keys     patterns // any where nil
	admin    bool
}

// Use is what a client is about to do.
type Use struct {
	Topic string
	Write bool
	Group string // empty if it is in none
	// Client is the client's id, empty where it has none.
	Client string
}

// Allows tells whether any rule lets a client do something.
func (r *Rules) Allows(who *proxy.Identity, use Use) bool {
	for i := range r.rules {
		if rule := &r.rules[i]; rule.covers(who, use) && rule.fits(who) {
			return true
		}
	}
	return false
}

// Deciding returns the place in the file, from 0, of the first rule that lets a client do something, -1 where none does;
// and those of the rules that would, if the client had the claims that they ask for.
func (r *Rules) Deciding(who *proxy.Identity, use Use) (first int, byClaims []int) {
	first = -1
	for i := range r.rules {
		rule := &r.rules[i]
		switch {
		case !rule.covers(who, use):
		case rule.fits(who):
			if first < 0 {
				first = i
			}
		case rule.subjects == nil || matchesAny(rule.subjects, who.Principal):
			byClaims = append(byClaims, i)
		}
	}
	return first, byClaims
}

// Administers tells whether any rule makes a client an administrator. An unauthenticated client is never
// one, whatever subjects the rule has.
func (r *Rules) Administers(who *proxy.Identity) bool {
	return !who.Principal.IsAnonymous() && slices.ContainsFunc(r.rules, func(rule rule) bool { return rule.admin && rule.fits(who) })
}

// HasAdministrators tells whether any rule makes clients administrators.
func (r *Rules) HasAdministrators() bool {
	return slices.ContainsFunc(r.rules, func(rule rule) bool { return rule.admin })
}

// covers tells whether a rule allows what a client is about to do, if it applies to the client.
func (r *rule) covers(who *proxy.Identity, use Use) bool {
	topics := r.consume
	if use.Write {
		topics = r.produce
	}
	return topics.match(who, use.Topic) && openTo(r.clients, who, use.Client) &&
		(use.Write || openTo(r.groups, who, use.Group))
}

// openTo tells whether optional patterns allow an optional name.
func openTo(ps patterns, who *proxy.Identity, name string) bool {
	return name == "" || ps == nil || ps.match(who, name)
}

// File is a policy that can be replaced while it is in use.
type File struct {
	name  string
	rules atomic.Pointer[Rules]
	// Changed is called after each replacement; may be nil.
	Changed func()
}

// NewFile returns a policy that allows nothing until Use. The name appears in errors.
func NewFile(name string) *File {
	f := &File{name: name}
	f.rules.Store(new(Rules))
	return f
}

// Use replaces the rules by those in the content of the file. If it is faulty, the previous rules stay in
// force.
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

// Rules returns the rules in force.
func (f *File) Rules() *Rules { return f.rules.Load() }

// Allows tells whether the policy in force lets a client do something.
func (f *File) Allows(who *proxy.Identity, use Use) bool { return f.Rules().Allows(who, use) }
