package server

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// guesser asks with passwords.
type guesser struct {
	*testing.T
	handler      http.Handler
	path, header string
}

// try asks with a password from an address.
func (g guesser) try(address, password string) int {
	r := httptest.NewRequest(http.MethodGet, g.path, nil)
	r.RemoteAddr = address
	value := base64.StdEncoding.EncodeToString([]byte("root:" + password))
	switch g.header {
	case "Authorization":
		value = "Basic " + value
	case "Sec-WebSocket-Protocol":
		value = "wsproxy.v1, wsproxy.basic." + base64.RawURLEncoding.EncodeToString([]byte("root:"+password))
	}
	r.Header.Set(g.header, value)
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r)
	return w.Code
}

// TestPasswordsCannotBeGuessed sends wrong passwords from an address until it may send no more.
func TestPasswordsCannotBeGuessed(t *testing.T) {
	const attacker, honest = "192.0.2.66:1", "192.0.2.1:1"
	for name, test := range map[string]struct{ listener, path, header string }{
		"the one user's":                {"main", "/healthcheck", "Authorization"},
		"the one user's, for a socket":  {"main", "/socket/in?clientId=c", "Authorization"},
		"the one user's, in a browser":  {"main", "/socket/in?clientId=c", "Sec-WebSocket-Protocol"},
		"the administrator's":           {"management", "/admin/client/config", "Authorization"},
		"the administrator's, profiles": {"management", "/debug/pprof/cmdline", "Authorization"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, &config.Config{
					Server:   config.Server{AdminEndpointEnabled: true, PprofEnabled: true, SecureHealthcheck: true},
					Security: config.Security{AdminBasicAuthUsername: "root", AdminBasicAuthPassword: "sesame"},
				})
				s.Auth.Basic = auth.NewBasic("root", "sesame")
				g := guesser{T: t, handler: map[string]http.Handler{"main": s.Main(), "management": s.Management()}[test.listener], path: test.path, header: test.header}
				right := g.try(honest, "sesame")
				if right == http.StatusUnauthorized {
					t.Fatal("the right password is refused")
				}
				for n := range mostGuesses {
					if code := g.try(attacker, fmt.Sprint("wrong", n)); code != http.StatusUnauthorized {
						t.Fatalf("guess %d is answered %d", n, code)
					}
				}
				for _, password := range []string{"wrong", "sesame"} { // the answer does not tell which is right
					if code := g.try(attacker, password); code != http.StatusTooManyRequests {
						t.Errorf("one too many, %s, is answered %d", password, code)
					}
				}
				if code := g.try(honest, "sesame"); code != right {
					t.Errorf("another address is answered %d", code)
				}
				time.Sleep(guessEvery)
				if first, second := g.try(attacker, "wrong"), g.try(attacker, "wrong"); first != http.StatusUnauthorized || second != http.StatusTooManyRequests {
					t.Errorf("after a while it is answered %d, then %d", first, second)
				}
			})
		})
	}
}

// TestWhoWasRightIsNotHeldUp sends wrong passwords from an address that an honest client shares.
func TestWhoWasRightIsNotHeldUp(t *testing.T) {
	s := newServer(t, &config.Config{Server: config.Server{SecureHealthcheck: true}})
	s.Auth.Basic = auth.NewBasic("root", "sesame")
	g := guesser{T: t, handler: s.Main(), path: "/healthcheck", header: "Authorization"}
	g.try("192.0.2.1:1", "sesame")
	for range 2 * mostGuesses {
		g.try("192.0.2.1:2", "wrong")
	}
	if code := g.try("192.0.2.1:3", "sesame"); code != http.StatusOK {
		t.Errorf("who was right before is answered %d", code)
	}
	s.Auth.Basic = auth.NewBasic("root", "changed")
	if code := g.try("192.0.2.1:3", "sesame"); code != http.StatusUnauthorized {
		t.Errorf("what is not right anymore is answered %d", code)
	}
	if code := g.try("192.0.2.1:3", "sesame"); code != http.StatusTooManyRequests {
		t.Errorf("what is not right anymore, again, is answered %d", code)
	}
}

// TestTokensAreNoGuesses sends more bad tokens than there may be wrong passwords.
func TestTokensAreNoGuesses(t *testing.T) {
	g, refused := NewGuesses(), proxy.Errorf(proxy.KindNotAuthenticated, "No.")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer a.b.c")
	for range 2 * mostGuesses {
		if e := g.judge(r, func() *proxy.Error { return refused }); e != refused {
			t.Fatal(e)
		}
	}
}
