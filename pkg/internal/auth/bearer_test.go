package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// hmacToken is signed with a secret that everybody has: the issuer's public key.
func hmacToken(secret []byte) string {
	text := encode(`{"alg":"HS256","kid":"rsa"}`) + "." + encode(claims(nil))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// ownKeyToken carries its own signing key in its header, beside the id of the issuer's key.
func ownKeyToken(good string) string {
	header := must(json.Marshal(map[string]any{"alg": "RS256", "kid": "rsa", "jwk": map[string]string{"kty": "oct", "k": "AAAA"}}))
	return encode(string(header)) + "." + strings.Join(strings.Split(good, ".")[1:], ".")
}

func publicPEM(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(rsaKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// tamper changes a claim of a token, and leaves its signature.
func tamper(token string) string {
	parts := strings.Split(token, ".")
	parts[1] = encode(strings.Replace(string(must(base64.RawURLEncoding.DecodeString(parts[1]))), "alice", "root", 1))
	return strings.Join(parts, ".")
}

func TestGoodTokens(t *testing.T) {
	b := newIssuer(rsaSigner(), ecSigner()).ready(t)
	now := time.Now()
	for name, token := range map[string]string{
		"RSA":                      rsaSigner().token(nil),
		"ECDSA":                    ecSigner().token(nil),
		"several audiences":        rsaSigner().token(map[string]any{"aud": []string{"x", audience}}),
		"expired within leeway":    rsaSigner().token(map[string]any{"exp": now.Add(-20 * time.Second).Unix()}),
		"not yet valid by leeway":  rsaSigner().token(map[string]any{"nbf": now.Add(20 * time.Second).Unix()}),
		"valid since now":          rsaSigner().token(map[string]any{"nbf": now.Unix()}),
		"parts of a second":        rsaSigner().token(map[string]any{"exp": float64(now.UnixMilli())/1000 + 100, "nbf": float64(now.UnixMilli()) / 1000}),
		"without a kid":            signer{rsaKey(), "", oidc.RS256}.token(nil),
		"that lasts for very long": rsaSigner().token(map[string]any{"exp": 9000000000000000000}),
		"with long claims":         rsaSigner().token(map[string]any{"x": strings.Repeat("x", 8<<10)}),
	} {
		p, e := b.check(t.Context(), token)
		if e != nil || p.Identity.Principal.Name != "alice" || p.Identity.Claims["iss"] != issuerURL || p.Identity.Expires.IsZero() || !p.Renewable() {
			t.Errorf("%s: got %v, %v", name, p, e)
		}
		if p.Identity.Expires.UnixMilli() > latestExpiry*1000 {
			t.Errorf("%s: it expires at %s", name, p.Identity.Expires)
		}
		if e := b.recheck(t.Context(), token); e != nil {
			t.Errorf("%s: checked again: %v", name, e)
		}
	}
}

// badTokens are the tokens that must be refused, and the error of each.
func badTokens(t *testing.T) map[string][2]string {
	t.Helper()
	now := time.Now()
	good := rsaSigner().token(nil)
	with := func(name string, value any) string { return rsaSigner().token(map[string]any{name: value}) }
	header := func(alg string) string {
		return encode(`{"alg":"`+alg+`","kid":"rsa"}`) + "." + encode(claims(nil)) + "."
	}
	return map[string][2]string{
		"alg none":                               {header("none"), "not valid here"},
		"alg None":                               {header("None"), "not valid here"},
		"alg none with a signature":              {header("none") + strings.Split(good, ".")[2], "not valid here"},
		"no alg":                                 {header(""), "not valid here"},
		"HMAC signed with the public key, PEM":   {hmacToken(publicPEM(t)), "not valid here"},
		"HMAC signed with the public key, DER":   {hmacToken(must(x509.MarshalPKIXPublicKey(rsaKey().Public()))), "not valid here"},
		"HMAC signed with the modulus":           {hmacToken(rsaKey().N.Bytes()), "not valid here"},
		"signed by a key of its own header":      {ownKeyToken(good), "not valid here"},
		"another key with the right kid":         {signer{otherKey(), "rsa", oidc.RS256}.token(nil), "not valid here"},
		"the key in another algorithm":           {signer{rsaKey(), "rsa", oidc.PS256}.token(nil), "not valid here"},
		"the kid of a key of another kind":       {signer{ecKey(), "rsa", oidc.ES256}.token(nil), "not valid here"},
		"no signature":                           {strings.Join(strings.Split(good, ".")[:2], ".") + ".", "not valid here"},
		"changed after it was signed":            {tamper(good), "not valid here"},
		"expired":                                {with("exp", now.Add(-31*time.Second).Unix()), "has expired"},
		"expired long ago":                       {with("exp", 1), "has expired"},
		"no exp":                                 {with("exp", nil), "exp"},
		"exp that is text":                       {with("exp", "tomorrow"), "not valid here"},
		"exp beyond all times":                   {with("exp", 1e300), ""},
		"not yet valid":                          {with("nbf", now.Add(2*time.Minute).Unix()), "not valid yet"},
		"not valid for hours":                    {with("nbf", now.Add(2*time.Hour).Unix()), "not valid here"},
		"nbf that is text":                       {with("nbf", "now"), "not valid here"},
		"wrong audience":                         {with("aud", "another"), "not valid here"},
		"no audience":                            {with("aud", nil), "not valid here"},
		"wrong issuer":                           {with("iss", "https://evil.example"), "not valid here"},
		"the issuer with a slash":                {with("iss", issuerURL+"/"), "not valid here"},
		"no issuer":                              {with("iss", nil), "not valid here"},
		"no sub":                                 {with("sub", nil), "sub"},
		"an empty sub":                           {with("sub", ""), "sub"},
		"sub that is a number":                   {with("sub", 7), "not valid here"},
		"1 MiB":                                  {strings.Repeat("x", 1<<20), "longer than"},
		"1 MiB of three parts":                   {"a." + strings.Repeat("x", 1<<20) + ".b", "longer than"},
		"empty":                                  {"", "must be a JWT"},
		"garbage":                                {"garbage", "must be a JWT"},
		"garbage with dots":                      {"a.b.c", "not valid here"},
		"garbage bytes":                          {"\xff\x00.\x01.\x02", "must be a JWT"},
		"four parts":                             {good + ".x", "must be a JWT"},
		"five parts, as JWE has":                 {"a.b.c.d.e", "must be a JWT"},
		"JSON serialisation":                     {`{"payload":"a","signatures":[]}`, "must be a JWT"},
		"white space in it":                      {good[:10] + " " + good[10:], "must be a JWT"},
		"a claims part that is no JSON":          {encode(`{"alg":"RS256"}`) + "." + encode("{") + ".x", "not valid here"},
		"a critical header that nobody knows":    {encode(`{"alg":"RS256","kid":"rsa","crit":["x"],"x":1}`) + "." + strings.Join(strings.Split(good, ".")[1:], "."), "not valid here"},
		"the payload of another, signature kept": {strings.Split(good, ".")[0] + "." + strings.Split(with("sub", "root"), ".")[1] + "." + strings.Split(good, ".")[2], "not valid here"},
	}
}

func TestBadTokens(t *testing.T) {
	b := newIssuer(rsaSigner(), ecSigner()).ready(t)
	for name, test := range badTokens(t) {
		token, says := test[0], test[1]
		p, e := b.check(t.Context(), token)
		if e == nil || e.Kind != proxy.KindNotAuthenticated || p.Identity.Principal.Name != "" || p.Renewable() {
			t.Errorf("%s: got %v, %v", name, p, e)
			continue
		}
		if !strings.Contains(e.Message, says) {
			t.Errorf("%s: it says %q, want %q in it", name, e.Message, says)
		}
		if len(token) > 5 && strings.Contains(e.Error(), token) || len(e.Error()) > 600 {
			t.Errorf("%s: the error repeats it: %.1000s", name, e)
		}
	}
}

func TestAudienceIsLookedAtWhereOneIsSet(t *testing.T) {
	p := newIssuer(rsaSigner()).provider(func(o *ProviderOptions) { o.Audience = "" })
	b := &Bearer{p}
	for _, aud := range []any{nil, "anything"} {
		if _, e := b.check(t.Context(), rsaSigner().token(map[string]any{"aud": aud})); e != nil {
			t.Errorf("aud %v: %v", aud, e)
		}
	}
}

func TestHowLongAPassLasts(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for name, test := range map[string]struct {
		expires, want time.Time
		bearer        string
	}{
		"without either":             {},
		"a token that lasts":         {now.Add(time.Minute), now.Add(time.Minute), "t"},
		"a token within its leeway":  {now.Add(-10 * time.Second), now.Add(20 * time.Second), "t"},
		"a token that ends just now": {now, now.Add(leeway), "t"},
		"a certificate that lasts":   {now.Add(time.Minute), now.Add(time.Minute), ""},
		"a certificate that is over": {now.Add(-time.Second), now.Add(-time.Second), ""},
	} {
		p := Authentication{Identity: proxy.Identity{Expires: test.expires}, bearer: test.bearer}
		if got := p.ExpiresAt(now); !got.Equal(test.want) {
			t.Errorf("%s: until %s, want %s", name, got, test.want)
		}
	}
}

func TestNewKeysAreFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(rsaSigner())
		p := i.provider(nil)
		b := &Bearer{p}
		if _, e := b.check(t.Context(), rsaSigner().token(nil)); e != nil {
			t.Fatal(e)
		}
		time.Sleep(minRefresh)
		i.publish(ecSigner())
		if _, e := b.check(t.Context(), ecSigner().token(nil)); e != nil {
			t.Errorf("a new key: %v", e)
		}
		_, e := b.check(t.Context(), rsaSigner().token(nil))
		wantKind(t, "a withdrawn key, by keys that are older than the token", e, proxy.KindOverloaded)
		time.Sleep(minRefresh)
		if _, e := b.check(t.Context(), rsaSigner().token(nil)); e == nil || e.Kind != proxy.KindNotAuthenticated {
			t.Errorf("a withdrawn key: %v", e)
		}
	})
}

// TestUnknownKeysAreFetchedSeldom sends tokens whose key is unknown for a minute. Each is refused by keys
// that were fetched after it arrived, or its client is told to try again.
func TestUnknownKeysAreFetchedSeldom(t *testing.T) {
	for name, foreign := range map[string]signer{
		"another key":               {otherKey(), "other", oidc.RS256},
		"the key by another name":   {rsaKey(), "elsewhere", oidc.RS256},
		"another key without a kid": {otherKey(), "", oidc.RS256},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(rsaSigner())
				b := &Bearer{i.provider(nil)}
				token, refused := foreign.token(nil), 0
				for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(100 * time.Millisecond) {
					before := i.times()
					_, e := b.check(t.Context(), token)
					fetched := i.times() > before
					if e == nil || fetched != (e.Kind == proxy.KindNotAuthenticated) || !fetched && e.Kind != proxy.KindOverloaded {
						t.Fatalf("got %v, the keys were fetched: %v", e, fetched)
					}
					if fetched {
						refused++
					}
				}
				if refused < 5 || refused > 7 {
					t.Errorf("the keys were fetched %d times in a minute", refused)
				}
			})
		})
	}
}

// TestNewKeysAreNeverRefused signs with a key that is published at once, while the keys may not be
// fetched yet.
func TestNewKeysAreNeverRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(rsaSigner())
		b := i.ready(t)
		if _, e := b.check(t.Context(), signer{otherKey(), "other", oidc.RS256}.token(nil)); e == nil {
			t.Fatal("a foreign token is let in")
		}
		i.publish(ecSigner())
		token := ecSigner().token(nil)
		for began := time.Now(); time.Since(began) < minRefresh; time.Sleep(time.Second) {
			_, e := b.check(t.Context(), token)
			wantKind(t, "at first", e, proxy.KindOverloaded)
		}
		if _, e := b.check(t.Context(), token); e != nil {
			t.Errorf("as soon as keys may be fetched: %v", e)
		}
	})
}
