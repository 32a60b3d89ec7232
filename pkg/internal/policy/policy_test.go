package policy_test

import (
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

const example = `
rules:
  - subjects: ["alice", "svc-*"]
    claims: {groups: ["ops"]}
    produce: ["orders.*"]
    consume: ["orders.*", "prices"]
    groups: ["ops-*"]
  - subjects: ["bob"]
    consume: ["*"]
  - claims: {realm_access.roles: [admin], level: [7, 8], email_verified: [true]}
    produce: ["*"]
  - subjects: ["carol/*"]
    consume: ["prices"]
    groups: ["a/*"]
`

func user(name string) proxy.Principal {
	return proxy.Principal{Method: proxy.MethodUser, Name: name}
}

func parse(t *testing.T, text string) *policy.Rules {
	t.Helper()
	rules, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestWhatIsAllowed(t *testing.T) {
	rules := parse(t, example)
	ops := map[string]any{"groups": []any{"dev", "ops"}}
	admin := map[string]any{"realm_access": map[string]any{"roles": []any{"admin"}}, "level": 7.0, "email_verified": true}
	write := func(topic string) policy.Use { return policy.Use{Topic: topic, Write: true} }
	read := func(topic, group string) policy.Use { return policy.Use{Topic: topic, Group: group} }
	for name, test := range map[string]struct {
		subject string
		claims  map[string]any
		use     policy.Use
		want    bool
	}{
		"produce":                                 {"alice", ops, write("orders.eu"), true},
		"produce another topic":                   {"alice", ops, write("prices"), false},
		"produce a topic that begins alike":       {"alice", ops, write("orders"), false},
		"consume":                                 {"alice", ops, read("prices", "ops-1"), true},
		"consume in another group":                {"alice", ops, read("prices", "dev-1"), false},
		"consume without a group":                 {"alice", ops, read("prices", ""), true},
		"consume another topic":                   {"alice", ops, read("secrets", "ops-1"), false},
		"a glob of subjects":                      {"svc-7", ops, write("orders.eu"), true},
		"a subject that ends alike":               {"x-alice", ops, write("orders.eu"), false},
		"a subject in other letters":              {"Alice", ops, write("orders.eu"), false},
		"a claim that is the value":               {"alice", map[string]any{"groups": "ops"}, write("orders.eu"), true},
		"a claim that lacks the value":            {"alice", map[string]any{"groups": []any{"dev"}}, write("orders.eu"), false},
		"a claim that holds it as part of text":   {"alice", map[string]any{"groups": "devops"}, write("orders.eu"), false},
		"a claim of another kind":                 {"alice", map[string]any{"groups": map[string]any{"ops": true}}, write("orders.eu"), false},
		"without the claim":                       {"alice", nil, write("orders.eu"), false},
		"another rule":                            {"bob", nil, read("secrets", "any"), true},
		"what the other rule has not":             {"bob", nil, write("orders.eu"), false},
		"all claims, within others":               {"dave", admin, write("x"), true},
		"all claims but one":                      {"dave", map[string]any{"realm_access": admin["realm_access"], "level": 9.0, "email_verified": true}, write("x"), false},
		"a claim with the dotted name":            {"dave", map[string]any{"realm_access.roles": "admin", "level": 8.0, "email_verified": "true"}, write("x"), true},
		"slashes in names":                        {"carol/x/y", nil, read("prices", "a/b/c"), true},
		"nobody":                                  {"", nil, read("prices", "ops-1"), false},
		"one rule's topic, another rule's groups": {"carol/x", nil, read("prices", "ops-1"), false},
	} {
		who := &proxy.Identity{Principal: user(test.subject), Claims: test.claims}
		if got := rules.Allows(who, test.use); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestNothingIsAllowedWithoutRules(t *testing.T) {
	for _, text := range []string{"", "rules: []", "# nothing", "rules:"} {
		if parse(t, text).Allows(&proxy.Identity{Principal: user("alice")}, policy.Use{Topic: "t"}) {
			t.Errorf("%q allows something", text)
		}
	}
}

func TestFaultyPolicies(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"no YAML":                   {"rules: [", "policy.yaml: "},
		"another form":              {"- subjects: [a]", "line 1: cannot unmarshal"},
		"an unknown member":         {"rules:\n  - subject: [a]\n    consume: [b]", "line 2: field subject is not one of a rule"},
		"an unknown member of all":  {"rule: []", "line 1: field rule is not one of the file"},
		"a member that is twice":    {"rules:\n  - consume: [a]\n    consume: [b]\n    subjects: [c]", "already"},
		"about nobody":              {"rules:\n  - consume: [a]", "rules[0] is about nobody"},
		"an empty list of subjects": {"rules:\n  - subjects: []\n    claims: {a: [b]}\n    consume: [a]", "line 2: subjects must be a list of globs that is not empty"},
		"an empty list of groups":   {"rules:\n  - subjects: [a]\n    consume: [a]\n    groups: []", "line 4: groups must be a list of globs that is not empty"},
		"allows nothing":            {"rules:\n  - subjects: [a]\n  - subjects: [b]", "rules[0] allows nothing"},
		"groups of nothing":         {"rules:\n  - subjects: [a]\n    produce: [a]\n    groups: [g]", "groups without consume"},
		"text for a list":           {"rules:\n  - subjects: alice\n    consume: [a]", "line 2: subjects must be a list"},
		"a number for a name":       {"rules:\n  - subjects: [7]\n    consume: [a]", "line 2: a glob of subjects must be text"},
		"an empty name":             {"rules:\n  - subjects: [\"\"]\n    consume: [a]", "line 2: a glob of subjects must be text"},
		"null for a name":           {"rules:\n  - subjects: [~]\n    consume: [a]", "must be text"},
		"a bad glob":                {"rules:\n  - subjects: [\"a[\"]\n    consume: [a]", "line 2: \"a[\" is not a glob"},
		"groups that are left open": {"rules:\n  - subjects: [a]\n    consume: [a]\n    groups:\n", "line 4: groups must be a list"},
		"subjects left open":        {"rules:\n  - subjects:\n    claims: {a: [b]}\n    consume: [a]", "line 2: subjects must be a list"},
		"a claim left open":         {"rules:\n  - claims: {a: }\n    consume: [a]", "line 2: a claim needs a list"},
		"a claim without values":    {"rules:\n  - claims: {a: []}\n    consume: [a]", "line 2: a claim needs a list"},
		"a claim that is text":      {"rules:\n  - claims: {a: b}\n    consume: [a]", "line 2: a claim needs a list"},
		"a claim of lists":          {"rules:\n  - claims: {a: [[b]]}\n    consume: [a]", "line 2: a claim's value"},
		"two documents":             {"rules: []\n---\nrules: []", "one YAML document"},
		"aliases without end":       {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nrules: [*b]", "line 1"},
	} {
		rules, err := policy.Parse("policy.yaml", []byte(test.text))
		if err == nil || rules != nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "policy.yaml: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAFaultyFileKeepsTheRulesBefore(t *testing.T) {
	f, changes := policy.NewFile("policy.yaml"), 0
	f.Changed = func() { changes++ }
	alice, use := &proxy.Identity{Principal: user("alice")}, policy.Use{Topic: "t", Write: true}
	for _, step := range []struct {
		name, text string
		taken      bool
		allowed    bool
		changes    int
	}{
		{"a good one", "rules: [{subjects: [alice], produce: [t]}]", true, true, 1},
		{"a faulty one", "rules: [{subjects: [alice], produces: [t]}]", false, true, 1},
		{"another good one", "rules: [{subjects: [bob], produce: [t]}]", true, false, 2},
		{"an empty one", "", true, false, 3},
	} {
		err := f.Use([][]byte{[]byte(step.text)})
		if (err == nil) != step.taken || f.Allows(alice, use) != step.allowed || changes != step.changes {
			t.Errorf("%s: %v, allowed: %v, %d changes", step.name, err, f.Allows(alice, use), changes)
		}
	}
	if policy.NewFile("x").Allows(alice, use) {
		t.Error("a file that was not read allows something")
	}
}

// FuzzPolicy checks that accepted policies allow nothing to a client that no rule names.
func FuzzPolicy(f *testing.F) {
	for _, text := range []string{example, "", "rules: [{subjects: [a], produce: [b]}]", "rules: [{claims: {a: [b]}, consume: ['*']}]", "rules: [&x {subjects: ['[a-b]']}, *x]"} {
		f.Add([]byte(text), "alice", "orders.eu", "ops-1")
	}
	f.Fuzz(func(t *testing.T, text []byte, subject, topic, group string) {
		rules, err := policy.Parse("p", text)
		if err != nil {
			if rules != nil || !strings.HasPrefix(err.Error(), "p: ") {
				t.Errorf("got %v, %v", rules, err)
			}
			return
		}
		for _, write := range []bool{true, false} {
			use := policy.Use{Topic: topic, Write: write, Group: group}
			if rules.Allows(&proxy.Identity{Principal: user(subject)}, use) && len(text) == 0 {
				t.Error("an empty policy allows something")
			}
			anywhere := policy.Use{Topic: topic, Write: write}
			if who := (&proxy.Identity{Principal: user(subject)}); rules.Allows(who, use) && !rules.Allows(who, anywhere) {
				t.Errorf("%q may use %q in the group %q and not without one", subject, topic, group)
			}
		}
	})
}
