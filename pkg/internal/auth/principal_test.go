package auth

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestOneNameByTwoMethodsIsTwoPrincipals, and Kafka's is one too.
func TestOneNameByTwoMethodsIsTwoPrincipals(t *testing.T) {
	c := &Chain{
		Basic: NewBasic("alice", "sesame"), Bearer: newIssuer(rsaSigner()).ready(t), Certificates: true,
	}
	bearer := authorizationHeader + " Bearer " + rsaSigner().token(nil)
	for want, headers := range map[string][]string{
		"user:alice":  {authorizationHeader, "Basic " + std("alice:sesame"), "X-Kafka-Auth", std("bob:b")},
		"token:alice": append(strings.SplitN(bearer, " ", 2), "X-Kafka-Auth", std("bob:b")),
		"cert:alice":  {"X-Kafka-Auth", std("bob:b")},
	} {
		p, e := c.Socket(t.Context(), withCertificate(request(headers...), "alice", true))
		if e != nil || p.Identity.Principal.String() != want {
			t.Errorf("want %s: got %v, %v", want, p, e)
		}
	}
	open := new(Chain)
	for want, headers := range map[string][]string{
		"anonymous":   nil,
		"kafka:alice": {"X-Kafka-Auth", std("alice:a")},
	} {
		p, e := open.Socket(t.Context(), request(headers...))
		if e != nil || p.Identity.Principal.String() != want {
			t.Errorf("want %s: got %v, %v", want, p, e)
		}
		if p, e := open.Request(t.Context(), request(headers...)); e != nil || !p.Identity.Principal.IsAnonymous() {
			t.Errorf("without Kafka to ask: got %v, %v", p, e)
		}
	}
	if _, e := open.Socket(t.Context(), request("X-Kafka-Auth", std(strings.Repeat("x", 256)+":a"))); e == nil {
		t.Error("a Kafka user with a name that is too long is let in")
	}
}

func TestNamesOfCertificates(t *testing.T) {
	uri := func(text string) *url.URL { return must(url.Parse(text)) }
	service := &x509.Certificate{
		Subject: pkix.Name{CommonName: "svc", Organization: []string{"Acme, Inc."}},
		URIs:    []*url.URL{uri("spiffe://acme/ns/prod")}, DNSNames: []string{"svc.acme"}, EmailAddresses: []string{"svc@acme"},
	}
	many := &x509.Certificate{}
	for i := range 10 {
		many.URIs = append(many.URIs, uri(fmt.Sprintf("spiffe://acme/%d", i)))
		many.DNSNames = append(many.DNSNames, fmt.Sprintf("svc%d.acme", i))
		many.EmailAddresses = append(many.EmailAddresses, fmt.Sprintf("svc%d@acme", i))
	}
	for name, test := range map[string]struct {
		certificate *x509.Certificate
		kind        string
		want, says  string
	}{
		"by default":              {service, "", "svc", ""},
		"the common name":         {service, NameCN, "svc", ""},
		"the URI":                 {service, NameURI, "spiffe://acme/ns/prod", ""},
		"the DNS name":            {service, NameDNS, "svc.acme", ""},
		"the e-mail address":      {service, NameEmail, "svc@acme", ""},
		"the subject":             {service, NameSubject, `CN=svc,O=Acme\, Inc.`, ""},
		"ten URIs":                {many, NameURI, "", "10 names of the kind URI"},
		"ten DNS names":           {many, NameDNS, "", "10 names"},
		"ten e-mail addresses":    {many, NameEmail, "", "10 names"},
		"no common name":          {many, NameCN, "", "no common name"},
		"no subject":              {many, NameSubject, "", "no subject"},
		"no URI":                  {&x509.Certificate{Subject: service.Subject}, NameURI, "", "no URI"},
		"a common name of spaces": {&x509.Certificate{Subject: pkix.Name{CommonName: " "}}, NameCN, " ", ""},
	} {
		got, e := nameOf(test.certificate, test.kind)
		if got != test.want || (e == nil) != (test.says == "") || e != nil && !strings.Contains(e.Message, test.says) {
			t.Errorf("%s: got %q, %v", name, got, e)
		}
	}
}

// TestBadNames are those that a principal cannot have, by whatever method.
func TestBadNames(t *testing.T) {
	c := all(t)
	for name, test := range map[string]struct {
		text  string
		taken bool
	}{
		"stars":         {"*", true},
		"slashes":       {"a/b%2F", true},
		"right to left": {"\u202eecila", true},
		"NUL":           {"alice\x00", false},
		"1 MB":          {strings.Repeat("x", 1<<20), false},
		"a DEL":         {"alice\x7f", false},
		"no UTF-8":      {"alice\xff", false},
	} {
		p, e := c.Request(t.Context(), withCertificate(request(), test.text, true))
		if test.taken != (e == nil) || test.taken && p.Identity.Principal.Name != test.text {
			t.Errorf("%s: got %v, %v", name, p, e)
		}
	}
}

func TestClaimsOfProviders(t *testing.T) {
	lists := []any{[]any{audience}}
	for name, test := range map[string]struct {
		change  func(*ProviderOptions)
		claims  map[string]any
		want    string // empty if refused
		message string
	}{
		"another claim for the subject":        {func(o *ProviderOptions) { o.SubjectClaim = "client_id" }, map[string]any{"client_id": "svc", "sub": nil}, "svc", ""},
		"which goes before sub":                {func(o *ProviderOptions) { o.SubjectClaim = "client_id" }, map[string]any{"client_id": "svc"}, "svc", ""},
		"which is missing":                     {func(o *ProviderOptions) { o.SubjectClaim = "client_id" }, nil, "", "client_id must be text"},
		"which is a number":                    {func(o *ProviderOptions) { o.SubjectClaim = "client_id" }, map[string]any{"client_id": 7}, "", "client_id must be text"},
		"which is a list":                      {func(o *ProviderOptions) { o.SubjectClaim = "client_id" }, map[string]any{"client_id": []any{"svc"}}, "", "client_id must be text"},
		"another claim for the audience":       {func(o *ProviderOptions) { o.AudienceClaim = "client_id" }, map[string]any{"client_id": audience, "aud": nil}, "alice", ""},
		"a list in another claim":              {func(o *ProviderOptions) { o.AudienceClaim = "for" }, map[string]any{"for": []any{7, audience}}, "alice", ""},
		"lists of lists":                       {func(o *ProviderOptions) { o.AudienceClaim = "for" }, map[string]any{"for": lists}, "", "another audience"},
		"the right aud where it is not asked":  {func(o *ProviderOptions) { o.AudienceClaim = "for" }, nil, "", "another audience (for)"},
		"an audience that holds the right one": {nil, map[string]any{"aud": "not " + audience}, "", "another audience"},
		"another issuer":                       {func(o *ProviderOptions) { o.Issuer = "https://outside.example" }, map[string]any{"iss": "https://outside.example"}, "alice", ""},
		"the document's issuer, with another":  {func(o *ProviderOptions) { o.Issuer = "https://outside.example" }, nil, "", "not valid here"},
	} {
		b := &Bearer{newIssuer(rsaSigner()).provider(test.change)}
		p, e := b.check(t.Context(), rsaSigner().token(test.claims))
		if p.Identity.Principal.Name != test.want || (e == nil) != (test.want != "") || e != nil && !strings.Contains(e.Message, test.message) {
			t.Errorf("%s: got %v, %v", name, p, e)
		}
	}
}

// TestRevokedUsers changes the lines of users in the file.
func TestRevokedUsers(t *testing.T) {
	b := withFile(t, NewBasic("root", "sesame"), line("alice", "a"), line("bob", "b"))
	changes := 0
	b.Changed = func() { changes++ }
	c := &Chain{Basic: b}
	authentications := make(map[string]Authentication)
	for user, password := range map[string]string{"root": "sesame", "alice": "a", "bob": "b"} {
		p, e := c.Request(t.Context(), request(authorizationHeader, "Basic "+std(user+":"+password)))
		if e != nil {
			t.Fatal(e)
		}
		authentications[user] = p
	}
	same := b.file.Load().hashes["bob"]
	for _, step := range []struct {
		name  string
		lines []string
		stay  string
	}{
		{"another user comes", []string{line("carol", "c"), "bob:" + string(same), "alice:" + string(b.file.Load().hashes["alice"])}, "alice bob root"},
		{"alice has another password", []string{"bob:" + string(same), line("alice", "new")}, "bob root"},
		{"bob is removed", []string{line("alice", "a")}, "root"},
		{"bob's line is back", []string{"bob:" + string(same)}, "bob root"},
	} {
		withFile(t, b, step.lines...)
		var stay []string
		for _, user := range []string{"alice", "bob", "root"} {
			p := authentications[user]
			if e := c.Recheck(t.Context(), &p); e == nil {
				stay = append(stay, user)
			} else if e.Kind != proxy.KindNotAuthenticated {
				t.Errorf("%s, %s: %v", step.name, user, e)
			}
		}
		if got := strings.Join(stay, " "); got != step.stay {
			t.Errorf("%s: %q stay, want %q", step.name, got, step.stay)
		}
	}
	if changes != 4 {
		t.Errorf("%d changes were told", changes)
	}
}

// TestCertificatesThatNobodyVouchesForAnymore, since their CA was replaced.
func TestCertificatesThatNobodyVouchesForAnymore(t *testing.T) {
	ca, other := newCA(t, "one"), newCA(t, "two")
	trusted := ca.pool()
	c := &Chain{Certificates: true, ClientCAs: func() *x509.CertPool { return trusted }}
	leaf := ca.client(t, "alice", time.Now().Add(time.Hour))
	r := withChain(request(), leaf)
	p, e := c.Request(t.Context(), r)
	if e != nil || !p.Identity.Expires.Equal(leaf.NotAfter) {
		t.Fatalf("got %v until %s, %v", p, p.Identity.Expires, e)
	}
	if e := c.Recheck(t.Context(), &p); e != nil {
		t.Errorf("while the CA is there: %v", e)
	}
	trusted = other.pool()
	wantKind(t, "when another CA is there", c.Recheck(t.Context(), &p), proxy.KindNotAuthenticated)
}
