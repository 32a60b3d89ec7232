package auth

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// escaped is a certificate as Envoy writes it.
func escaped(certificate *x509.Certificate) string {
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

func TestForwardedCertificates(t *testing.T) {
	authority := newCA(t, "ca")
	alice := authority.client(t, "alice", time.Now().Add(time.Hour))
	old := authority.client(t, "alice", time.Now().Add(-time.Second))
	colons := func(c *x509.Certificate) string {
		return ":" + base64.StdEncoding.EncodeToString(c.Raw) + ":"
	}
	cert := `Cert="` + escaped(alice) + `"`
	for name, test := range map[string]struct {
		kind  string
		value []string
		want  string // empty if refused
		says  string
	}{
		"RFC 9440":                   {ForwardedClientCert, []string{colons(alice)}, "alice", ""},
		"with spaces around it":      {ForwardedClientCert, []string{" " + colons(alice) + " "}, "alice", ""},
		"without colons":             {ForwardedClientCert, []string{strings.Trim(colons(alice), ":")}, "", "between colons"},
		"one colon":                  {ForwardedClientCert, []string{":"}, "", "between colons"},
		"nothing between colons":     {ForwardedClientCert, []string{"::"}, "", "not well-formed"},
		"garbage between colons":     {ForwardedClientCert, []string{":AAAA:"}, "", "not well-formed"},
		"no base64 between colons":   {ForwardedClientCert, []string{":!:"}, "", "between colons"},
		"twice":                      {ForwardedClientCert, []string{colons(alice), colons(alice)}, "", "more than once"},
		"two in one":                 {ForwardedClientCert, []string{colons(alice) + ", " + colons(alice)}, "", "between colons"},
		"that is over":               {ForwardedClientCert, []string{colons(old)}, "", "has expired"},
		"none":                       {ForwardedClientCert, nil, "", "required"},
		"Envoy's":                    {ForwardedXFCC, []string{`By=spiffe://us;Hash=ab;Subject="CN=mallory,O=\"x\"";` + cert}, "alice", ""},
		"Envoy's, without quotes":    {ForwardedXFCC, []string{`Cert=` + escaped(alice) + `;Hash=ab`}, "alice", ""},
		"Envoy's without Cert":       {ForwardedXFCC, []string{`Hash=ab;Subject="CN=alice"`}, "", "must be told to forward"},
		"Envoy's, two elements":      {ForwardedXFCC, []string{cert + `,` + cert}, "", "one element"},
		"Envoy's, another before":    {ForwardedXFCC, []string{`Hash=ab,` + cert}, "", "one element"},
		"Envoy's, twice":             {ForwardedXFCC, []string{cert, cert}, "", "more than once"},
		"Envoy's, two Certs":         {ForwardedXFCC, []string{cert + ";" + cert}, "", "one element"},
		"Envoy's, quotes left open":  {ForwardedXFCC, []string{`Cert="` + escaped(alice)}, "", "one element"},
		"Envoy's, text after quotes": {ForwardedXFCC, []string{cert + "x"}, "", "one element"},
		"Envoy's, bad escapes":       {ForwardedXFCC, []string{`Cert="%zz"`}, "", "not escaped"},
		"Envoy's, no PEM":            {ForwardedXFCC, []string{`Cert="x"`}, "", "not a certificate in PEM"},
		"Envoy's, empty":             {ForwardedXFCC, []string{""}, "", "must be told to forward"},
		"the other header":           {ForwardedXFCC, nil, "", "required"},
	} {
		c := &Chain{Forwarded: test.kind}
		r := request()
		r.Header[http.CanonicalHeaderKey(test.kind)] = test.value
		p, e := c.Request(t.Context(), FromTrustedProxy(r))
		if p.Identity.Principal.Name != test.want || (e == nil) != (test.want != "") || e != nil && !strings.Contains(e.Message, test.says) {
			t.Errorf("%s: got %v, %v", name, p, e)
		}
		if e == nil && !p.Identity.Expires.Equal(alice.NotAfter) {
			t.Errorf("%s: it lasts until %s", name, p.Identity.Expires)
		}
		if _, e := c.Request(t.Context(), r); e == nil {
			t.Errorf("%s: anybody may forward a certificate", name)
		}
	}
}

// TestATrustedProxyIsNotItsClient: its own certificate is not taken for that of a client that has none.
func TestATrustedProxyIsNotItsClient(t *testing.T) {
	c := &Chain{Certificates: true, Forwarded: ForwardedClientCert}
	r := withCertificate(request(), "ingress", true)
	if p, e := c.Request(t.Context(), FromTrustedProxy(r)); e == nil {
		t.Errorf("a client without a certificate is %v", p)
	}
	if p, e := c.Request(t.Context(), r); e != nil || p.Identity.Principal.String() != "cert:ingress" {
		t.Errorf("a client that comes by itself: %v, %v", p, e)
	}
}

// FuzzForwarded checks that only a completely parsed certificate yields a principal.
func FuzzForwarded(f *testing.F) {
	for _, text := range []string{":AAAA:", `Cert="x"`, `a=b;c="d\"e",f=g`, `Cert=%41;Cert=%42`} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, envoy bool) {
		c := &Chain{Forwarded: ForwardedClientCert}
		if envoy {
			c.Forwarded = ForwardedXFCC
		}
		h := http.Header{http.CanonicalHeaderKey(c.Forwarded): {text}}
		certificate, e := c.forwarded(h)
		if (certificate == nil) == (e == nil) || certificate != nil && len(certificate.Raw) == 0 {
			t.Errorf("%q: got %v, %v", text, certificate, e)
		}
	})
}
