package cluster

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/config"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// issuer is a token endpoint. The test sets its answers.
type issuer struct {
	*httptest.Server
	asked atomic.Int64
	form  atomic.Value // of the last request, as text
}

func newIssuer(t *testing.T, answer func(w http.ResponseWriter, n int64)) *issuer {
	t.Helper()
	i := new(issuer)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		i.form.Store(user + ":" + password + " " + r.PostFormValue("grant_type") + " " + r.PostFormValue("scope") + " " + r.PostFormValue("audience") + " " + r.PostFormValue("resource"))
		w.Header().Set("Content-Type", "application/json")
		answer(w, i.asked.Add(1))
	}))
	t.Cleanup(i.Close)
	return i
}

// source returns a token source that uses this endpoint.
func (i *issuer) source(t *testing.T) *tokenEndpoint {
	t.Helper()
	life, end := context.WithCancel(context.Background()) //nolint:usetesting // the test waits for its end
	settings := &config.Kafka{
		SASLOAuthTokenURL: i.URL, SASLOAuthClientID: "the-client", SASLOAuthClientSecret: "the-secret", SASLOAuthScope: "a b",
		SASLOAuthParameters: []string{"audience=kafka", "resource=a=b"},
	}
	transport, err := newTokenTransport(settings, Environment{})
	if err != nil {
		t.Fatal(err)
	}
	e := newTokenEndpoint(life, settings, transport)
	t.Cleanup(func() {
		end()
		e.wait()
	})
	return e
}

func writeToken(w http.ResponseWriter, token string, life int) {
	_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":%d}`, token, life)
}

func TestTokenEndpointIsAskedOnce(t *testing.T) {
	i := newIssuer(t, func(w http.ResponseWriter, n int64) { writeToken(w, fmt.Sprint("token-", n), 3600) })
	source := i.source(t)
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if token, err := source.token(kafkatest.Deadline(t)); err != nil || token != "token-1" {
				t.Errorf("got %q, %v", token, err)
			}
		})
	}
	callers.Wait()
	if n, form := i.asked.Load(), i.form.Load(); n != 1 || form != "the-client:the-secret client_credentials a b kafka a=b" {
		t.Errorf("asked %d times, with %q", n, form)
	}
}

func TestTokenIsRenewedBeforeItsEnd(t *testing.T) {
	i := newIssuer(t, func(w http.ResponseWriter, n int64) { writeToken(w, fmt.Sprint("token-", n), 3600) })
	source := i.source(t)
	if _, err := source.token(kafkatest.Deadline(t)); err != nil {
		t.Fatal(err)
	}
	source.mu.Lock()
	source.renew = time.Now()
	source.mu.Unlock()
	if token, err := source.token(kafkatest.Deadline(t)); err != nil || token != "token-1" {
		t.Errorf("while it is renewed: got %q, %v", token, err)
	}
	kafkatest.Await(t, "the next token", func() bool {
		token, err := source.token(kafkatest.Deadline(t))
		return err == nil && token == "token-2"
	})
}

func TestTokenEndpointThatFails(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"refuses": func(w http.ResponseWriter) {
			http.Error(w, `{"error":"invalid_client","error_description":"the-secret"}`, http.StatusUnauthorized)
		},
		"is broken":       func(w http.ResponseWriter) { http.Error(w, "the-secret", http.StatusInternalServerError) },
		"expired":         func(w http.ResponseWriter) { writeToken(w, "token", -5) },
		"not a token":     func(w http.ResponseWriter) { writeToken(w, "two words", 60) },
		"without a token": func(w http.ResponseWriter) { writeToken(w, "", 60) },
	} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t, func(w http.ResponseWriter, _ int64) { answer(w) })
			source := i.source(t)
			for range 3 {
				token, err := source.token(kafkatest.Deadline(t))
				if err == nil || strings.Contains(err.Error(), "the-secret") {
					t.Fatalf("got %q, %v", token, err)
				}
			}
			if n := i.asked.Load(); n > 2 { // golang.org/x/oauth2 tries both places for the client's secret
				t.Errorf("%d requests in a moment", n)
			}
		})
	}
}

func TestTokenIsNotWaitedForLongerThanItsCaller(t *testing.T) {
	release := make(chan struct{})
	i := newIssuer(t, func(w http.ResponseWriter, _ int64) {
		<-release
		writeToken(w, "token", 60)
	})
	source := i.source(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := source.token(ctx)
	close(release)
	if err == nil {
		t.Error("no error")
	}
}

func TestTokenFileIsReadEachTime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	file := tokenFile(path)
	if _, err := file.token(kafkatest.Deadline(t)); err == nil {
		t.Error("a missing file gives a token")
	}
	for text, want := range map[string]string{"one": "one", "two\n": "two", "": "", "three four": ""} {
		replaceFile(t, path, text)
		if got, err := file.token(kafkatest.Deadline(t)); (err != nil) != (want == "") || want != "" && got != want {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

// TestTokensLastAsLongAsTheCluster has tokens, but no file to watch.
func TestTokensLastAsLongAsTheCluster(t *testing.T) {
	i := newIssuer(t, func(w http.ResponseWriter, n int64) { writeToken(w, fmt.Sprint("token-", n), 1) })
	s, err := newSecurity(&config.Kafka{
		SecurityProtocol: "SASL_PLAINTEXT", SASLMechanism: bearerMechanism,
		SASLOAuthTokenURL: i.URL, SASLOAuthClientID: "c", SASLOAuthClientSecret: "s",
	}, Environment{Log: kafkatest.QuietLog()})
	if err != nil {
		t.Fatal(err)
	}
	kafkatest.Await(t, "three tokens", func() bool {
		token, err := s.tokens.token(kafkatest.Deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		return token == "token-3"
	})
	s.close()
	kafkatest.Await(t, "the end of the last token", func() bool {
		_, err := s.tokens.token(kafkatest.Deadline(t))
		return err != nil
	})
}
