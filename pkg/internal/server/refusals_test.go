package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/auth"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// refused makes a request that is refused, and returns what the log says of it, as it is written.
func refused(t *testing.T, target string, headers ...string) string {
	t.Helper()
	var log bytes.Buffer
	s := newServer(t, new(config.Config))
	s.Auth.Basic = auth.NewBasic("alice", "sesame")
	s.Refusals = NewRefusals(slog.New(slog.NewJSONHandler(&log, nil)), s.Auth.Claimed)
	askAdmin(s.Main(), "GET", target, "", headers...)
	return log.String()
}

func TestRefusalsNameWhoWasRefused(t *testing.T) {
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"alice","secret":"hunter2"}`))
	for name, test := range map[string]struct {
		credentials string
		subject     any // nil where none is claimed
	}{
		"a user":                         {"Basic " + base64.StdEncoding.EncodeToString([]byte("alice:hunter2")), "alice"},
		"a token":                        {"Bearer e30." + claims + ".hunter2", "alice"},
		"a token without claims":         {"Bearer hunter2.hunter2.hunter2", nil},
		"a password in the user's place": {"Basic " + base64.StdEncoding.EncodeToString([]byte("hunter2:x")), nil},
		"a password alone":               {"Basic " + base64.StdEncoding.EncodeToString([]byte("hunter2")), nil},
		"a scheme of its own":            {"hunter2", nil},
		"nothing":                        {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			text := refused(t, "/socket/out?clientId=c&groupId=g&instanceId=i&topic=t", "Authorization", test.credentials,
				"User-Agent", "curl/8", "X-Forwarded-For", "198.51.100.1, 10.0.0.1")
			var line map[string]any
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				t.Fatalf("the log is %s, %v", text, err)
			}
			for key, want := range map[string]any{
				"msg": "handshake refused", "path": "/socket/out", "remote": "192.0.2.1:1234", "forwarded": "198.51.100.1, 10.0.0.1", "userAgent": "curl/8",
				"clientId": "c", "groupId": "g", "instanceId": "i", "topic": "t", "claimedSubject": test.subject, "code": "NOT_AUTHENTICATED",
			} {
				if line[key] != want {
					t.Errorf("%s is %v, want %v", key, line[key], want)
				}
			}
			if strings.Contains(text, "hunter2") || strings.Contains(text, claims) {
				t.Errorf("a secret is in the log: %s", text)
			}
		})
	}
}

// TestRefusalsAreFitForTheLog sends text that would corrupt or fill the log.
func TestRefusalsAreFitForTheLog(t *testing.T) {
	for name, value := range map[string]string{
		"a line break": "a\nlevel=ERROR", "an escape": "a\x1b[2J", "right to left": "a\u202egnp.exe", "NUL": "a\x00", "not UTF-8": "a\xff\xfe",
		"long": strings.Repeat("ä", 7<<10), "a zero width": "a\u200b\ufeffb",
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			f := NewRefusals(slog.New(slog.NewTextHandler(&log, nil)), func(r *http.Request) string { return r.UserAgent() })
			r := httptest.NewRequest(http.MethodGet, "/?"+url.Values{"clientId": {value}, "topic": {value}, "groupId": {value}}.Encode(), nil)
			r.Header["User-Agent"], r.Header["X-Forwarded-For"] = []string{value}, []string{value}
			r.SetBasicAuth(value, "hunter2")
			r.URL.Path = "/" + value
			f.tell("refused", r, proxy.Errorf(proxy.KindNotAuthorized, "%s", value), proxy.Principal{})
			text := log.String()
			if len(text) > 5<<10 || strings.Count(text, "\n") != 1 {
				t.Errorf("%d bytes, in %d lines", len(text), strings.Count(text, "\n"))
			}
			for _, bad := range []string{"\x1b", "\x00", "\u202e", "\xff", "\u200b", `\n`, `\x1b`} {
				if strings.Contains(text, bad) {
					t.Errorf("%q is in the log: %.300s", bad, text)
				}
			}
		})
	}
}

// TestRefusalsAreSummedUp refuses more than the log has lines for.
func TestRefusalsAreSummedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := NewRefusals(slog.New(slog.NewTextHandler(&log, nil)), func(r *http.Request) string { return r.UserAgent() })
		r := httptest.NewRequest(http.MethodGet, "/socket/in", nil)
		flood := func() int {
			log.Reset()
			for n := range 10_000 {
				f.tell("refused", r, proxy.Errorf([]proxy.Kind{proxy.KindNotAuthorized, proxy.KindOverloaded}[n%2], "No."), proxy.Principal{})
			}
			return strings.Count(log.String(), "\n")
		}
		if lines := flood(); lines != refusalsInFull {
			t.Errorf("there are %d lines", lines)
		}
		log.Reset()
		f.sumUp()
		half := (10_000 - refusalsInFull) / 2
		if want := fmt.Sprintf("refusals=%d ", 2*half); !strings.Contains(log.String(), want) ||
			!strings.Contains(log.String(), fmt.Sprintf("codes.OVERLOADED=%d", half)) || !strings.Contains(log.String(), fmt.Sprintf("codes.NOT_AUTHORIZED=%d", half)) {
			t.Errorf("the sum is %s, want %s", log.String(), want)
		}
		log.Reset()
		f.sumUp()
		if log.Len() > 0 {
			t.Errorf("nothing is summed up as %s", log.String())
		}
		if lines := flood(); lines != refusalsInFull {
			t.Errorf("after the sum there are %d lines", lines)
		}
	})
}

// TestAFloodOfUnauthenticatedClientsHidesNobody refuses a client that has proven who it is after a flood of others.
func TestAFloodOfUnauthenticatedClientsHidesNobody(t *testing.T) {
	var log bytes.Buffer
	f := NewRefusals(slog.New(slog.NewTextHandler(&log, nil)), func(*http.Request) string { return "" })
	refuse := func(who proxy.Principal) {
		f.tell("refused", httptest.NewRequest(http.MethodGet, "/socket/in", nil), proxy.Errorf(proxy.KindNotAuthorized, "No."), who)
	}
	for range 10_000 {
		refuse(proxy.Principal{})
	}
	refuse(proxy.Principal{Method: proxy.MethodUser, Name: "mallory"})
	if !strings.Contains(log.String(), "subject=user:mallory ") {
		t.Error("nothing is told of her")
	}
	for n := range 10_000 {
		refuse(proxy.Principal{Method: proxy.MethodUser, Name: fmt.Sprint(n)})
	}
	if lines := strings.Count(log.String(), "\n"); lines != maxRefusalsInFull {
		t.Errorf("there are %d lines", lines)
	}
}
