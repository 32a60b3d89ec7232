package policy_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/policy"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// tenants is the policy that docs/security.md shows for installations with many tenants, and rules for what
// it does not have.
const tenants = `
rules:
  - subjects: ["*"]
    produce: ["{subject}.*"]
    consume: ["{subject}.*"]
    clients: ["{subject}", "{subject}-*"]
    groups: ["{subject}-*"]
    keys: ["{subject}", "{subject}/*"]
  - subjects: ["user:root", "cert:ops-*"]
    admin: true
  - claims: {scope: ["orders:read"]}
    consume: ["{claim:org.tenant}-orders"]
  - claims: {nobody.has.this: ["x"]}
    consume: ["*"]
`

func of(method proxy.Method, name string, claims map[string]any) *proxy.Identity {
	return &proxy.Identity{Principal: proxy.Principal{Method: method, Name: name}, Claims: claims}
}

// TestPrincipalsRulesAndActions checks which rule allows which principal what.
func TestPrincipalsRulesAndActions(t *testing.T) {
	rules := parse(t, tenants)
	write := func(topic, client string) policy.Use {
		return policy.Use{Topic: topic, Write: true, Client: client}
	}
	read := func(topic, client, group string) policy.Use {
		return policy.Use{Topic: topic, Client: client, Group: group}
	}
	alice := of(proxy.MethodUser, "alice", nil)
	star, question, brackets := of(proxy.MethodToken, "*", nil), of(proxy.MethodToken, "a?ice", nil), of(proxy.MethodToken, "[a-z]*", nil)
	slashes, percent, backslash := of(proxy.MethodCert, "a/b", nil), of(proxy.MethodUser, "a%2Fb", nil), of(proxy.MethodUser, `a\*`, nil)
	rtl := of(proxy.MethodToken, "\u202ealice", nil)
	orders := func(scope, tenant any) *proxy.Identity {
		return of(proxy.MethodToken, "svc", map[string]any{"scope": scope, "org": map[string]any{"tenant": tenant}})
	}
	for name, test := range map[string]struct {
		who  *proxy.Identity
		use  policy.Use
		want bool
	}{
		"alice writes what is hers":                     {alice, write("alice.a", "alice-1"), true},
		"alice by another method is alice":              {of(proxy.MethodToken, "alice", nil), write("alice.a", "alice"), true},
		"alice writes what is bob's":                    {alice, write("bob.a", "alice-1"), false},
		"alice writes as a client of bob":               {alice, write("alice.a", "bob-1"), false},
		"alice writes as a client that begins alike":    {alice, write("alice.a", "alicex"), false},
		"alice reads what is hers":                      {alice, read("alice.a", "alice-1", "alice-g"), true},
		"alice reads in a group of bob":                 {alice, read("alice.a", "alice-1", "bob-g"), false},
		"alice reads as a client of bob":                {alice, read("alice.a", "bob-1", "alice-g"), false},
		"alice reads what is bob's":                     {alice, read("bob.a", "alice-1", "alice-g"), false},
		"alice reads without a group or a client id":    {alice, read("alice.a", "", ""), true},
		"a star is not alice":                           {star, write("alice.a", "alice-1"), false},
		"a star is a star":                              {star, write("*.a", "*-1"), true},
		"a question mark is not a letter":               {question, write("alice.a", "alice"), false},
		"a question mark is a question mark":            {question, write("a?ice.a", "a?ice"), true},
		"brackets are not letters":                      {brackets, write("alice.a", "alice"), false},
		"brackets are brackets":                         {brackets, write("[a-z]*.a", "[a-z]*"), true},
		"a slash is a slash":                            {slashes, write("a/b.c", "a/b-1"), true},
		"a percent escape is not a slash":               {percent, write("a/b.c", "a/b"), false},
		"a percent escape is itself":                    {percent, write("a%2Fb.c", "a%2Fb"), true},
		"a backslash escapes nothing":                   {backslash, write("a*.c", "a*"), false},
		"a backslash is a backslash":                    {backslash, write(`a\*.c`, `a\*`), true},
		"what is written from right to left is another": {rtl, write("alice.a", "alice"), false},
		"and it has what is its own":                    {rtl, write("\u202ealice.a", "\u202ealice"), true},
		"the letter that slashes are exchanged with":    {of(proxy.MethodUser, "a\uFFFEb", nil), write("a/b.c", "a/b"), false},
		"anybody":                                       {&proxy.Identity{}, write(".a", ""), false},
		"NUL stands for nothing":                        {of(proxy.MethodUser, "a\x00b", nil), write("a/b.c", "a/b"), false},
		"a claim":                                       {orders("orders:read", "acme"), read("acme-orders", "c", "g"), true},
		"a word of a claim":                             {orders("openid orders:read email", "acme"), read("acme-orders", "c", "g"), true},
		"a part of a word":                              {orders("openid xorders:read", "acme"), read("acme-orders", "c", "g"), false},
		"a claim that is a list":                        {orders([]any{"openid", "orders:read"}, "acme"), read("acme-orders", "c", "g"), true},
		"a claim that is a list of lists":               {orders([]any{[]any{"orders:read"}}, "acme"), read("acme-orders", "c", "g"), false},
		"a placeholder's claim that is another":         {orders("orders:read", "acme"), read("evil-orders", "c", "g"), false},
		"a placeholder's claim that is a star":          {orders("orders:read", "*"), read("acme-orders", "c", "g"), false},
		"a placeholder's claim that is empty":           {orders("orders:read", ""), read("-orders", "c", "g"), false},
		"a placeholder's claim that is missing":         {orders("orders:read", nil), read("-orders", "c", "g"), false},
		"a placeholder's claim that is a number":        {orders("orders:read", 7.0), read("7-orders", "c", "g"), true},
		"a placeholder's claim that is a list":          {orders("orders:read", []any{"acme"}), read("acme-orders", "c", "g"), false},
		"a placeholder's claim that is a list of lists": {orders("orders:read", []any{[]any{"acme"}}), read("acme-orders", "c", "g"), false},
		"a placeholder's claim that holds claims":       {orders("orders:read", map[string]any{"acme": 1}), read("acme-orders", "c", "g"), false},
		"a claim that nobody has":                       {orders("x", "acme"), read("acme-orders", "c", "g"), false},
	} {
		if got := rules.Allows(test.who, test.use); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestAdministrators(t *testing.T) {
	rules := parse(t, tenants)
	for name, test := range map[string]struct {
		who  *proxy.Identity
		want bool
	}{
		"the user":                        {of(proxy.MethodUser, "root", nil), true},
		"a token of that name":            {of(proxy.MethodToken, "root", nil), false},
		"a token of the rule's own text":  {of(proxy.MethodToken, "user:root", nil), false},
		"a user of the rule's own text":   {of(proxy.MethodUser, "user:root", nil), false},
		"a certificate":                   {of(proxy.MethodCert, "ops-1", nil), true},
		"a user with a certificate's":     {of(proxy.MethodUser, "ops-1", nil), false},
		"somebody":                        {of(proxy.MethodUser, "alice", nil), false},
		"anybody":                         {&proxy.Identity{}, false},
		"Kafka's user of that name":       {of(proxy.MethodKafka, "root", nil), false},
		"a name with letters around root": {of(proxy.MethodUser, "rootx", nil), false},
	} {
		if got := rules.Administers(test.who); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	for text, want := range map[string]bool{
		tenants: true, example: false, "": false, "rules: [{subjects: [a], admin: true}]": true, "rules: [{subjects: [a], consume: [b], admin: false}]": false,
	} {
		if got := parse(t, text).HasAdministrators(); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
	if parse(t, "rules: [{subjects: ['*'], admin: true}]").Administers(&proxy.Identity{}) {
		t.Error("anybody is an administrator")
	}
	admin := parse(t, "rules: [{subjects: [root], admin: true}]")
	if admin.Allows(of(proxy.MethodUser, "root", nil), policy.Use{Topic: "t"}) {
		t.Error("an administrator may read what no rule lets it")
	}
}

func TestKeys(t *testing.T) {
	alice, use := of(proxy.MethodUser, "alice", nil), policy.Use{Topic: "alice.a"}
	tenant := parse(t, tenants).Keys(alice, use)
	for key, want := range map[string]bool{
		"alice": true, "alice/x": true, "alice/x/y": true, "alice/": true, "alice/\x00": true, "bob": false, "alice2": false, "": false,
		"alice\x00x": false, "alice\uFFFEx": false,
	} {
		if got := tenant.Allow(key); got != want {
			t.Errorf("%q: got %v", key, got)
		}
	}
	if tenant.All() {
		t.Error("a tenant has all keys")
	}
	for name, test := range map[string]struct {
		text string
		key  string
		want bool
		all  bool
	}{
		"a rule without keys beside it": {"rules: [{subjects: [alice], consume: ['*'], keys: [a]}, {subjects: [alice], consume: ['*']}]", "x", true, true},
		"keys of two rules":             {"rules: [{subjects: [alice], consume: ['*'], keys: [a]}, {subjects: [alice], consume: ['*'], keys: [x]}]", "x", true, false},
		"keys of another's rule":        {"rules: [{subjects: [alice], consume: ['*'], keys: [a]}, {subjects: [bob], consume: ['*']}]", "x", false, false},
		"keys of another topic's rule":  {"rules: [{subjects: [alice], consume: ['*'], keys: [a]}, {subjects: [alice], consume: [b]}]", "x", false, false},
		"a star":                        {"rules: [{subjects: [alice], consume: ['*'], keys: ['*']}]", "a/b\x00c", true, false},
		"no rule":                       {"", "x", false, false},
	} {
		keys := parse(t, test.text).Keys(alice, use)
		if keys.Allow(test.key) != test.want || keys.All() != test.all {
			t.Errorf("%s: got %v, all: %v", name, keys.Allow(test.key), keys.All())
		}
	}
}

func TestFaultyPlaceholders(t *testing.T) {
	rule := func(member string) string { return "rules:\n  - subjects: [a]\n    consume: [b]\n    " + member }
	for name, test := range map[string]struct{ text, want string }{
		"an unknown one":         {rule(`groups: ["{user}-*"]`), "line 4: a { begins {subject} or {claim:name}"},
		"a claim without a name": {rule(`groups: ["{claim:}"]`), "a { begins"},
		"left open":              {rule(`groups: ["{subject"]`), "a { begins"},
		"between brackets":       {rule(`groups: ["[{subject}]"]`), "cannot stand between brackets"},
		"among subjects":         {"rules: [{subjects: ['{subject}'], consume: [b]}]", "has no meaning in subjects"},
		"beside a bad glob":      {rule(`groups: ["{subject}["]`), "is not a glob"},
		"clients of nothing":     {"rules: [{subjects: [a], admin: true, clients: [c]}]", "has clients without produce or consume"},
		"keys of nothing":        {"rules: [{subjects: [a], produce: [b], keys: [c]}]", "has keys without consume"},
		"admin that is text":     {"rules: [{subjects: [a], admin: sure}]", "into bool"},
		"empty clients":          {rule("clients: []"), "line 4: clients must be a list"},
	} {
		if rules, err := policy.Parse("p", []byte(test.text)); err == nil || rules != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	escaped := parse(t, rule(`groups: ["\\{subject}"]`))
	if !escaped.Allows(of(proxy.MethodUser, "a", nil), policy.Use{Topic: "b", Group: "{subject}"}) {
		t.Error("an escaped brace is not a brace")
	}
}

// FuzzPlaceholders checks that a pattern with a client's name or claim allows only names that hold that
// exact text in its place.
func FuzzPlaceholders(f *testing.F) {
	for _, value := range []string{"alice", "*", "[a-z]", `\`, "a/b", "", "\x00", "?", "a\uFFFEb", "\u202e", "{subject}", "{claim:x}", "a-b"} {
		f.Add(value, "alice")
		f.Add("alice", value)
		f.Add(value, value)
	}
	rules, err := policy.Parse("p", []byte(`rules: [{subjects: ["*"], consume: ["s-{subject}", "c-{claim:x}", "b-{subject}-{claim:x}-e"]}]`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, mine, other string) {
		who := of(proxy.MethodToken, mine, map[string]any{"x": mine})
		usable := mine != "" && !strings.ContainsFunc(mine, unicode.IsControl) && !strings.Contains(mine, "\uFFFE") // see glob.go
		for _, form := range []string{"s-\x01", "c-\x01", "b-\x01-\x01-e"} {
			for _, value := range []string{mine, other} {
				topic := strings.ReplaceAll(form, "\x01", value)
				want := usable && value == mine
				if got := rules.Allows(who, policy.Use{Topic: topic}); got != want {
					t.Errorf("%q, whose claim is the same, reads %q: %v", mine, topic, got)
				}
			}
		}
	})
}
