package auth

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func std(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// request makes a request with headers given as name, value, name, value.
func request(headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/socket/in", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

const (
	authorizationHeader = "Authorization"
	subprotocol         = "Sec-WebSocket-Protocol"
)

// all accepts passwords, tokens and certificates.
func all(t *testing.T) *Chain {
	t.Helper()
	return &Chain{
		Basic: withFile(t, NewBasic("root", "sesame"), line("bob", "b")), Bearer: newIssuer(rsaSigner()).ready(t), Certificates: true,
	}
}

func TestWhoIsLetIn(t *testing.T) {
	c, token := all(t), rsaSigner().token(nil)
	for name, test := range map[string]struct {
		headers []string
		subject string
	}{
		"a password":                     {[]string{authorizationHeader, "Basic " + std("root:sesame")}, "root"},
		"a password of the file":         {[]string{authorizationHeader, "Basic " + std("bob:b")}, "bob"},
		"the scheme in other letters":    {[]string{authorizationHeader, "bAsIc " + std("root:sesame")}, "root"},
		"several spaces":                 {[]string{authorizationHeader, "Bearer   " + token}, "alice"},
		"a token":                        {[]string{authorizationHeader, "Bearer " + token}, "alice"},
		"a token of a browser":           {[]string{subprotocol, "wsproxy.v1, wsproxy.bearer." + token}, "alice"},
		"a token in a line of its own":   {[]string{subprotocol, "wsproxy.v1", subprotocol, "wsproxy.bearer." + token}, "alice"},
		"a password of a browser":        {[]string{subprotocol, "wsproxy.basic." + encode("root:sesame") + ",wsproxy.v1"}, "root"},
		"other subprotocols beside it":   {[]string{authorizationHeader, "Bearer " + token, subprotocol, "wsproxy.v1, graphql-ws"}, "alice"},
		"something for Kafka beside it":  {[]string{authorizationHeader, "Bearer " + token, subprotocol, "wsproxy.kafka." + encode("u:p")}, "alice"},
		"a subprotocol that looks alike": {[]string{authorizationHeader, "Bearer " + token, subprotocol, "WSPROXY.bearer.x"}, "alice"},
	} {
		p, e := c.Socket(t.Context(), request(test.headers...))
		if e != nil || p.Identity.Principal.Name != test.subject {
			t.Errorf("%s: got %v, %v", name, p, e)
		}
	}
}

// refusedRequests are requests with invalid credentials, and the error of each.
func refusedRequests(token string) map[string][]string {
	return map[string][]string{
		"no credentials":                       {"required"},
		"an empty Authorization":               {"must begin", authorizationHeader, ""},
		"a scheme alone":                       {"must be a JWT", authorizationHeader, "Bearer"},
		"another scheme":                       {"must begin", authorizationHeader, "Digest x"},
		"a token without a scheme":             {"must begin", authorizationHeader, token},
		"a tab for a space":                    {"must begin", authorizationHeader, "Bearer\t" + token},
		"garbage":                              {"must begin", authorizationHeader, "\xff\xfe\x00"},
		"doubled Authorization":                {"more than once", authorizationHeader, "Bearer " + token, authorizationHeader, "Bearer " + token},
		"doubled Authorization, one empty":     {"more than once", authorizationHeader, "Bearer " + token, authorizationHeader, ""},
		"two in one Authorization":             {"must be a JWT", authorizationHeader, "Bearer " + token + ", Bearer " + token},
		"a token of 1 MiB":                     {"longer than", authorizationHeader, "Bearer " + strings.Repeat("x", 1<<20)},
		"a password of 1 MiB":                  {"longer than", authorizationHeader, "Basic " + strings.Repeat("x", 1<<20)},
		"a wrong password":                     {"wrong", authorizationHeader, "Basic " + std("root:x")},
		"no user":                              {"user:password", authorizationHeader, "Basic " + std(":sesame")},
		"no colon":                             {"user:password", authorizationHeader, "Basic " + std("root")},
		"no base64":                            {"base64", authorizationHeader, "Basic root:sesame"},
		"base64 without padding":               {"base64", authorizationHeader, "Basic " + strings.TrimRight(std("root:sesame!"+"x"), "=")},
		"base64 of URLs in a header":           {"base64", authorizationHeader, "Basic " + base64.URLEncoding.EncodeToString([]byte("root:\xff\xff>>"))},
		"base64 with line breaks":              {"base64", authorizationHeader, "Basic cm9v\ndDpzZXNhbWU="},
		"not UTF-8":                            {"UTF-8", authorizationHeader, "Basic " + std("root:\xff")},
		"a control character":                  {"UTF-8", authorizationHeader, "Basic " + std("root:ses\x00ame")},
		"a line break in a password":           {"UTF-8", authorizationHeader, "Basic " + std("root:sesame\r\nX: y")},
		"both places":                          {"use one of them", authorizationHeader, "Bearer " + token, subprotocol, "wsproxy.bearer." + token},
		"both places, one empty":               {"use one of them", authorizationHeader, "", subprotocol, "wsproxy.bearer." + token},
		"two tokens of a browser":              {"more than once", subprotocol, "wsproxy.bearer." + token + ", wsproxy.bearer." + token},
		"a token and a password of a browser":  {"more than once", subprotocol, "wsproxy.bearer." + token + ", wsproxy.basic." + encode("root:sesame")},
		"an empty token of a browser":          {"must be a JWT", subprotocol, "wsproxy.v1, wsproxy.bearer."},
		"garbage of a browser":                 {"must be a JWT", subprotocol, "wsproxy.bearer.garbage"},
		"a password of a browser with padding": {"base64", subprotocol, "wsproxy.basic." + base64.URLEncoding.EncodeToString([]byte("root:ses"))},
		"garbage for Kafka":                    {"X-Kafka-Auth", authorizationHeader, "Bearer " + token, "X-Kafka-Auth", "garbage"},
		"nothing for Kafka":                    {"X-Kafka-Auth", authorizationHeader, "Bearer " + token, "X-Kafka-Auth", ""},
		"something for Kafka twice":            {"more than once", authorizationHeader, "Bearer " + token, "X-Kafka-Auth", std("u:p"), "X-Kafka-Auth", std("u:p")},
		"something for Kafka in both places":   {"more than once", authorizationHeader, "Bearer " + token, "X-Kafka-Auth", std("u:p"), subprotocol, "wsproxy.kafka." + encode("u:p")},
		"garbage for Kafka of a browser":       {"base64", authorizationHeader, "Bearer " + token, subprotocol, "wsproxy.kafka.!"},
	}
}

func TestWhoIsRefused(t *testing.T) {
	c := all(t)
	for name, test := range refusedRequests(rsaSigner().token(nil)) {
		p, e := c.Socket(t.Context(), request(test[1:]...))
		if e == nil || e.Kind != proxy.KindNotAuthenticated || !strings.Contains(e.Message, test[0]) || p.Identity.Principal.Name != "" {
			t.Errorf("%s: got %v, %v", name, p, e)
		}
		for _, header := range test[1:] {
			if e != nil && len(header) > 20 && len(header) < 1000 && header != subprotocol && strings.Contains(e.Error(), header) {
				t.Errorf("%s: the error repeats what was sent: %v", name, e)
			}
		}
	}
}

// TestNames checks the names of tokens, which may hold any text.
func TestNames(t *testing.T) {
	c := all(t)
	for name, test := range map[string]struct {
		subject string
		taken   bool
	}{
		"255 letters":   {strings.Repeat("ü", 255), true},
		"256 letters":   {strings.Repeat("x", 256), false},
		"a line break":  {"alice\r\nX-Evil: 1", false},
		"a zero":        {"alice\x00", false},
		"spaces":        {" alice ", true},
		"path segments": {"../../alice/%2e%2e", true},
	} {
		p, e := c.Request(t.Context(), request(authorizationHeader, "Bearer "+rsaSigner().token(map[string]any{"sub": test.subject})))
		if test.taken != (e == nil) || test.taken && p.Identity.Principal.Name != test.subject {
			t.Errorf("%s: got %v, %v", name, p, e)
		}
	}
}

func TestMethodsThatAreOff(t *testing.T) {
	token := rsaSigner().token(nil)
	for name, test := range map[string]struct {
		chain  Chain
		header string
		lets   bool
	}{
		"nothing is on, nothing is brought": {Chain{}, "", true},
		"nothing is on, a token is brought": {Chain{}, "Bearer " + token, true},
		"nothing is on, garbage is brought": {Chain{}, "\xff", true},
		"a token for passwords":             {Chain{Basic: NewBasic("root", "sesame")}, "Bearer " + token, false},
		"a password for tokens":             {Chain{Bearer: newIssuer(rsaSigner()).ready(t)}, "Basic " + std("root:sesame"), false},
		"a password for certificates":       {Chain{Certificates: true}, "Basic " + std("root:sesame"), false},
		"nothing for certificates":          {Chain{Certificates: true}, "", false},
	} {
		r := request()
		if test.header != "" {
			r.Header.Set(authorizationHeader, test.header)
		}
		p, e := test.chain.Socket(t.Context(), r)
		if test.lets != (e == nil) || p.Identity.Principal.Name != "" {
			t.Errorf("%s: got %v, %v", name, p, e)
		}
	}
}

// withCertificate gives a request a client certificate, verified by a CA or not.
func withCertificate(r *http.Request, name string, verified bool) *http.Request {
	certificate := &x509.Certificate{Subject: pkix.Name{CommonName: name}}
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}}
	if verified {
		r.TLS.VerifiedChains = [][]*x509.Certificate{{certificate}}
	}
	return r
}

func TestCertificates(t *testing.T) {
	c := all(t)
	bearer := "Bearer " + rsaSigner().token(nil)
	for name, test := range map[string]struct {
		request *http.Request
		subject string // empty if refused
	}{
		"alone":                            {withCertificate(request(), "carol", true), "carol"},
		"that nobody vouches for":          {withCertificate(request(), "carol", false), ""},
		"without a name":                   {withCertificate(request(), "", true), ""},
		"beside a token, which counts":     {withCertificate(request(authorizationHeader, bearer), "carol", true), "alice"},
		"beside a bad token, which counts": {withCertificate(request(authorizationHeader, "Bearer a.b.c"), "carol", true), ""},
		"beside garbage, which counts":     {withCertificate(request(authorizationHeader, "garbage"), "carol", true), ""},
	} {
		p, e := c.Socket(t.Context(), test.request)
		if p.Identity.Principal.Name != test.subject || (e == nil) != (test.subject != "") {
			t.Errorf("%s: got %v, %v", name, p, e)
		}
	}
	off := Chain{Basic: NewBasic("root", "sesame")}
	if _, e := off.Request(t.Context(), withCertificate(request(), "carol", true)); e == nil {
		t.Error("a certificate was taken where they are not")
	}
}

func TestChallenges(t *testing.T) {
	for name, test := range map[string]struct {
		chain *Chain
		want  []string
	}{
		"all": {
			&Chain{Basic: NewBasic("u", "p"), Bearer: &Bearer{}, Realms: Realms{Basic: `a "b" \c`, Bearer: "tokens"}},
			[]string{`Bearer realm="tokens"`, `Basic realm="a \"b\" \\c", charset="UTF-8"`},
		},
		"without realms":    {&Chain{Basic: NewBasic("u", "p")}, []string{`Basic realm="wsproxy", charset="UTF-8"`}},
		"certificates":      {&Chain{Certificates: true}, []string{`X-Kafka-Auth realm="wsproxy"`}},
		"nothing but Kafka": {&Chain{}, []string{`X-Kafka-Auth realm="wsproxy"`}},
	} {
		h := make(http.Header)
		test.chain.Challenge(h)
		if got := h.Values("WWW-Authenticate"); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestKafkaCredentials(t *testing.T) {
	bearer := newIssuer(rsaSigner()).ready(t)
	with := rsaSigner().token(map[string]any{"ku": "claimed", "kp": "secret"})
	half := rsaSigner().token(map[string]any{"ku": "claimed", "kp": 7})
	header := []string{"X-Kafka-Auth", std("brought:p:w")}
	brought, claimed := proxy.KafkaCredentials{Username: "brought", Password: "p:w"}, proxy.KafkaCredentials{Username: "claimed", Password: "secret"}
	claims := KafkaRules{UsernameClaim: "ku", PasswordClaim: "kp"}
	only, required, passing := claims, claims, claims
	only.TokenOnly, required.Required, passing.Passthrough = true, true, true
	for name, test := range map[string]struct {
		rules   KafkaRules
		token   string
		headers []string
		want    proxy.KafkaCredentials
		refused string
	}{
		"none":                              {claims, "", nil, proxy.KafkaCredentials{}, ""},
		"brought":                           {claims, "", header, brought, ""},
		"brought by a browser":              {claims, "", []string{subprotocol, "wsproxy.v1, wsproxy.kafka." + encode("brought:p:w")}, brought, ""},
		"claimed":                           {claims, with, nil, claimed, ""},
		"claimed and brought":               {claims, with, header, claimed, ""},
		"half claimed and brought":          {claims, half, header, brought, ""},
		"claimed where nobody asks":         {KafkaRules{}, with, nil, proxy.KafkaCredentials{}, ""},
		"claimed, and garbage is brought":   {claims, with, []string{"X-Kafka-Auth", "x"}, claimed, "base64"},
		"claimed alone":                     {only, with, nil, claimed, ""},
		"brought where tokens alone count":  {only, with, header, claimed, "from the token alone"},
		"the browser's the same":            {only, with, []string{subprotocol, "wsproxy.kafka." + encode("u:p")}, claimed, "from the token alone"},
		"required and claimed":              {required, with, nil, claimed, ""},
		"required and brought":              {required, "", header, brought, ""},
		"required and not there":            {required, half, nil, brought, "Kafka credentials are required"},
		"passed through":                    {passing, half, nil, proxy.KafkaCredentials{Token: half}, ""},
		"passed through, whatever is sent":  {passing, half, header, proxy.KafkaCredentials{Token: half}, ""},
		"claimed rather than passed":        {passing, with, nil, claimed, ""},
		"brought where there is no token":   {passing, "", header, brought, ""},
		"nothing to pass":                   {passing, "", nil, proxy.KafkaCredentials{}, ""},
		"malformed where nobody has to":     {claims, "", []string{"X-Kafka-Auth", std("no colon")}, brought, "user:password"},
		"malformed where it is not base64":  {claims, "", []string{"X-Kafka-Auth", "u:p"}, brought, "base64"},
		"malformed, and too long":           {claims, "", []string{"X-Kafka-Auth", strings.Repeat("A", 20<<10)}, brought, "longer than"},
		"malformed, and a control in there": {claims, "", []string{"X-Kafka-Auth", std("u:p\r\n")}, brought, "control"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &Chain{Kafka: test.rules}
			headers := test.headers
			if test.token != "" {
				c.Bearer = bearer
				headers = append([]string{authorizationHeader, "Bearer " + test.token}, headers...)
			}
			p, e := c.Socket(t.Context(), request(headers...))
			switch {
			case test.refused != "" && (e == nil || e.Kind != proxy.KindNotAuthenticated || !strings.Contains(e.Message, test.refused)):
				t.Errorf("got %v, %v", p, e)
			case test.refused == "" && (e != nil || p.Identity.Kafka != test.want):
				t.Errorf("got the Kafka credentials %+v, %v", p.Identity.Kafka, e)
			}
		})
	}
}

func TestRenewal(t *testing.T) {
	c := all(t)
	c.Kafka.Passthrough = true
	p, e := c.Socket(t.Context(), request(authorizationHeader, "Bearer "+rsaSigner().token(nil)))
	if e != nil {
		t.Fatal(e)
	}
	next := rsaSigner().token(map[string]any{"exp": 4000000000})
	renewed, e := c.Renew(t.Context(), &p, next)
	if e != nil || renewed.Identity.Expires.Unix() != 4000000000 || renewed.Identity.Kafka.Token != next || !renewed.Renewable() {
		t.Errorf("got %v, %v", renewed, e)
	}
	_, e = c.Renew(t.Context(), &p, rsaSigner().token(map[string]any{"sub": "mallory"}))
	wantKind(t, "another subject", e, proxy.KindNotAuthenticated)
	for name, test := range badTokens(t) {
		if _, e := c.Renew(t.Context(), &p, test[0]); e == nil || e.Kind != proxy.KindNotAuthenticated {
			t.Errorf("%s: got %v", name, e)
		}
	}
	password, e := c.Socket(t.Context(), request(authorizationHeader, "Basic "+std("root:sesame")))
	if e != nil || password.Renewable() || c.Recheck(t.Context(), &password) != nil {
		t.Errorf("a password can be renewed by a token, or does not last: %v", e)
	}
	if e := c.Recheck(t.Context(), &renewed); e != nil {
		t.Errorf("checked again: %v", e)
	}
}

func TestOutcomesAreCounted(t *testing.T) {
	c := all(t)
	var counted []string
	c.Count = func(method, outcome string) { counted = append(counted, method+" "+outcome) }
	down := newIssuer()
	down.down = true
	for _, r := range []*http.Request{
		request(), request(authorizationHeader, "Bearer "+rsaSigner().token(nil)), request(authorizationHeader, "Bearer a.b.c"),
		request(authorizationHeader, "Basic "+std("root:x")), withCertificate(request(), "carol", true), request(authorizationHeader, "x"),
	} {
		_, _ = c.Request(t.Context(), r)
	}
	c.Bearer = &Bearer{down.provider(nil)}
	_, _ = c.Request(t.Context(), request(authorizationHeader, "Bearer "+rsaSigner().token(nil)))
	want := []string{
		"none refused", "bearer accepted", "bearer refused", "basic refused", "certificate accepted", "none refused", "bearer unknown",
	}
	if !slices.Equal(counted, want) {
		t.Errorf("got %q", counted)
	}
}

// FuzzCredentials checks that the credentials read from headers are those that were sent, and that errors
// do not repeat them.
func FuzzCredentials(f *testing.F) {
	for _, seed := range []string{"Basic cm9vdDpzZXNhbWU=", "Bearer a.b.c", "wsproxy.v1, wsproxy.basic.cm9vdDpzZXNhbWU", "wsproxy.bearer.a.b.c", " , ,", "Basic  =", "\xff"} {
		f.Add(seed, "")
		f.Add("", seed)
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, header, protocol string) {
		h := make(http.Header)
		if header != "" {
			h.Set(authorizationHeader, header)
		}
		if protocol != "" {
			h.Set(subprotocol, protocol)
		}
		c, e := readCredentials(h)
		if e != nil {
			if e.Kind != proxy.KindNotAuthenticated || len(e.Message) > 200 {
				t.Errorf("got %v", e)
			}
			return
		}
		switch c.method {
		case MethodNone:
			if header != "" {
				t.Errorf("%q was overlooked", header)
			}
		case MethodBasic:
			if text := c.user + ":" + c.password; c.user == "" || !strings.Contains(header, std(text)) && !strings.Contains(protocol, encode(text)) {
				t.Errorf("%q was read of %q and %q", text, header, protocol)
			}
		case MethodBearer:
			if strings.Count(c.token, ".") != 2 || !strings.Contains(header, c.token) && !strings.Contains(protocol, c.token) {
				t.Errorf("%q was read of %q and %q", c.token, header, protocol)
			}
		}
	})
}
