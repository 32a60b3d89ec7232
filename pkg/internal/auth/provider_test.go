package auth

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func wantKind(t *testing.T, when string, e *proxy.Error, kind proxy.Kind) {
	t.Helper()
	if e == nil || e.Kind != kind {
		t.Errorf("%s: got %v, want %s", when, e, kind)
	}
}

// TestProviderDownAtStart accepts tokens as soon as the provider can be reached, and tells clients until
// then that tokens cannot be checked.
func TestProviderDownAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(rsaSigner())
		i.set(func(i *issuer) { i.down = true })
		p := i.provider(nil)
		b := &Bearer{p}
		stop := run(t, p, nil)
		defer stop()
		token := rsaSigner().token(nil)
		for range 10 {
			_, e := b.check(t.Context(), token)
			wantKind(t, "while it is down", e, proxy.KindOverloaded)
			time.Sleep(time.Second)
		}
		i.set(func(i *issuer) { i.down = false })
		time.Sleep(minRefresh + time.Second)
		if _, e := b.check(t.Context(), token); e != nil {
			t.Errorf("when it is back: %v", e)
		}
	})
}

// TestKeysAreKept accepts tokens by the cached keys while the provider is down.
func TestKeysAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(rsaSigner())
		p := i.provider(nil)
		b := &Bearer{p}
		stop := run(t, p, nil)
		defer stop()
		synctest.Wait()
		i.set(func(i *issuer) { i.down = true })
		token := rsaSigner().token(map[string]any{"exp": time.Now().Add(48 * time.Hour).Unix()})
		for range 24 {
			time.Sleep(time.Hour)
			if _, e := b.check(t.Context(), token); e != nil {
				t.Fatal(e)
			}
			if e := b.recheck(t.Context(), token); e != nil {
				t.Fatal(e)
			}
		}
		_, e := b.check(t.Context(), ecSigner().token(nil))
		wantKind(t, "a key that is not known", e, proxy.KindOverloaded)
	})
}

func TestErrorsLimit(t *testing.T) {
	for limit, minutes := range map[int]int{0: 1, 2: 3} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(rsaSigner())
				p := i.provider(func(o *ProviderOptions) { o.ErrorsLimit = limit })
				b := &Bearer{p}
				var checks atomic.Int32
				stop := run(t, p, func() { checks.Add(1) })
				defer stop()
				synctest.Wait()
				i.set(func(i *issuer) { i.down = true })
				token := rsaSigner().token(nil)
				time.Sleep(time.Duration(minutes)*time.Minute - time.Second)
				synctest.Wait()
				if e := b.recheck(t.Context(), token); e != nil || int(checks.Load()) < minutes {
					t.Errorf("after %d checks: %v", checks.Load(), e)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				wantKind(t, "beyond the limit", b.recheck(t.Context(), token), proxy.KindNotAuthenticated)
				_, e := b.check(t.Context(), token)
				wantKind(t, "a new client beyond the limit", e, proxy.KindOverloaded)
				i.set(func(i *issuer) { i.down = false })
				time.Sleep(minRefresh + time.Second)
				synctest.Wait()
				if e := b.recheck(t.Context(), token); e != nil {
					t.Errorf("when it is back: %v", e)
				}
			})
		})
	}
}

func TestWithdrawnKeysAreNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(rsaSigner(), ecSigner())
		p := i.provider(nil)
		b := &Bearer{p}
		stop := run(t, p, nil)
		defer stop()
		synctest.Wait()
		i.publish(ecSigner())
		time.Sleep(20 * time.Second)
		synctest.Wait()
		wantKind(t, "a withdrawn key", b.recheck(t.Context(), rsaSigner().token(nil)), proxy.KindNotAuthenticated)
		if e := b.recheck(t.Context(), ecSigner().token(nil)); e != nil {
			t.Errorf("the other key: %v", e)
		}
	})
}

// TestOneRequestServesMany sends tokens while the provider answers slowly.
func TestOneRequestServesMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(rsaSigner())
		i.waiting = make(chan struct{})
		b := &Bearer{i.provider(nil)}
		impatient, leave := context.WithCancel(t.Context())
		token := rsaSigner().token(nil)
		var clients sync.WaitGroup
		for n := range 20 {
			clients.Go(func() {
				ctx := t.Context()
				if n%2 == 0 {
					ctx = impatient
				}
				_, e := b.check(ctx, token)
				if e != nil && n%2 == 1 {
					t.Errorf("client %d: %v", n, e)
				}
			})
		}
		synctest.Wait()
		leave()
		synctest.Wait()
		close(i.waiting)
		clients.Wait()
		if times := i.times(); times != 1 {
			t.Errorf("the keys were fetched %d times", times)
		}
	})
}

func TestASlowProviderIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(rsaSigner())
		i.waiting = make(chan struct{})
		b := &Bearer{i.provider(nil)}
		began := time.Now()
		_, e := b.check(t.Context(), rsaSigner().token(nil))
		wantKind(t, "silent", e, proxy.KindOverloaded)
		if took := time.Since(began); took > refreshTimeout {
			t.Errorf("it took %s", took)
		}
	})
}

func TestASilentProviderDoesNotHoldUpTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(rsaSigner())
		i.waiting = make(chan struct{})
		stop := run(t, i.provider(nil), nil)
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %s", took)
		}
	})
}

// TestBadAnswersOfTheProvider are refused, and keep the keys of before.
func TestBadAnswersOfTheProvider(t *testing.T) {
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	write := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	keys := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body := text
			if !strings.HasSuffix(r.URL.Path, "/keys") {
				body = `{"issuer":"` + issuerURL + `","jwks_uri":"` + issuerURL + `/keys"}`
			}
			_, _ = w.Write([]byte(body))
		}
	}
	for name, answer := range map[string]http.HandlerFunc{
		"an error":           func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"no JSON":            write("<html>"),
		"no issuer":          write(`{"jwks_uri":"` + issuerURL + `/keys"}`),
		"no jwks_uri":        write(`{"issuer":"` + issuerURL + `"}`),
		"keys by http":       write(`{"issuer":"` + issuerURL + `","jwks_uri":"http://issuer.example/keys"}`),
		"keys in a file":     write(`{"issuer":"` + issuerURL + `","jwks_uri":"file:///etc/passwd"}`),
		"a redirect to http": redirect("http://issuer.example/"),
		"endless redirects":  redirect(issuerURL + "/.well-known/openid-configuration"),
		"too long":           write(strings.Repeat(" ", maxDocument) + "{}"),
		"no keys":            keys(`{"keys":[]}`),
		"keys that are text": keys(`{"keys":"x"}`),
		"a symmetric key":    keys(`{"keys":[{"kty":"oct","k":"AAAA","alg":"HS256","kid":"rsa"}]}`),
		"a short RSA key":    keys(`{"keys":[{"kty":"RSA","n":"` + strings.Repeat("A", 42) + `Q","e":"AQAB"}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(rsaSigner())
			b := i.ready(t)
			i.set(func(i *issuer) { i.answer = answer })
			if err := b.Provider.refresh(t.Context(), 0); err == nil {
				t.Error("it was taken")
			}
			if _, e := b.check(t.Context(), rsaSigner().token(nil)); e != nil {
				t.Errorf("by the keys of before: %v", e)
			}
		})
	}
}

func TestKeysThatNobodyKnowsAreLeftOut(t *testing.T) {
	set, err := parseKeys([]byte(`{"keys":[{"kty":"future"},7,{"kty":"EC","crv":"secp256k1"},{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig"},{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"enc"}]}`))
	if err != nil || len(set.keys) != 1 {
		t.Fatalf("got %v, %v", set, err)
	}
}
