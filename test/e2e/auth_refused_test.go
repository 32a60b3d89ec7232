package e2e

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

// verbatim sends lines as they are, and returns the status of the answer and all of it.
func (p *proxy) verbatim(t *testing.T, lines ...string) (status int, answer string) {
	t.Helper()
	conn, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	go func() { // a server that refuses the request does not read the rest
		_, _ = io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n")
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var text bytes.Buffer
	_ = res.Write(&text)
	return res.StatusCode, text.String()
}

// TestHostileRequests sends hostile requests as raw bytes, which must be refused.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		i, topic := newIssuer(t), k.topic(t, 1)
		p := k.start(t, i.settings("BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=root", "BASIC_AUTH_PASSWORD=sesame")...)
		good := "Bearer " + i.token("alice", nil)
		path := k.path("/socket/in", topic)
		for name, test := range map[string]struct {
			path    string
			headers []string
			status  int
			code    string // in the answer
		}{
			"alg none":                 {path, []string{"Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."}, 401, "NOT_AUTHENTICATED"},
			"doubled Authorization":    {path, []string{"Authorization: " + good, "Authorization: " + good}, 401, "NOT_AUTHENTICATED"},
			"a header of 1 MiB":        {path, []string{"Authorization: Bearer " + strings.Repeat("x", 1<<20)}, 431, ""},
			"a folded header":          {path, []string{"Authorization: Bearer", " " + good}, 401, "NOT_AUTHENTICATED"},
			"a NUL in a header":        {path, []string{"Authorization: " + good + "\x00"}, 400, ""},
			"bytes beyond ASCII":       {path, []string{"Authorization: Bearer \xff\xfe"}, 401, "NOT_AUTHENTICATED"},
			"garbage for Kafka":        {path, []string{"Authorization: " + good, "X-Kafka-Auth: \xff"}, 401, "NOT_AUTHENTICATED"},
			"a token in the URL":       {path + "&access_token=x", []string{"Authorization: " + good}, 400, "INVALID_PARAMETER"},
			"a token in the URL alone": {path + "&access_token=x", nil, 401, "never in the URL"},
			"CRLF in a parameter":      {path + "&instanceId=x%0d%0aSet-Cookie:%20y", []string{"Authorization: " + good}, 400, "INVALID_PARAMETER"},
			"a line break in the path": {"/socket/in%0d%0aX:y", []string{"Authorization: " + good}, 404, "NOT_FOUND"},
			"path traversal":           {"/openapi.yaml/../kafka/cluster/info", nil, 0, ""},
			"encoded slashes":          {"/kafka%2Fcluster%2Finfo", nil, 404, "NOT_FOUND"},
			"user and password in it":  {"http://root:sesame@" + p.addr + "/kafka/cluster/info", nil, 401, "NOT_AUTHENTICATED"},
		} {
			lines := append([]string{"GET " + test.path + " HTTP/1.1", "Host: " + p.addr}, test.headers...)
			status, answer := p.verbatim(t, lines...)
			if status != test.status && test.status != 0 || status < 300 || !strings.Contains(answer, test.code) {
				t.Errorf("%s: got %d %.300s", name, status, answer)
			}
			if strings.Contains(answer, "Set-Cookie") {
				t.Errorf("%s: a header was injected: %s", name, answer)
			}
		}
		// Other clients must still be served.
		p.dialAs(t, good, path).close()
	})
}

// shout is a log at debug that the test reads.
type shout struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *shout) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// startShouting runs a proxy that logs all it can.
func startShouting(t *testing.T, broker string, settings []string) (*proxy, *shout) {
	t.Helper()
	log := new(shout)
	o := options(t, broker, settings)
	o.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := app.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Shutdown)
	return &proxy{app: a, addr: a.Addr(), management: a.AdminAddr()}, log
}

func (s *shout) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// checkHolds checks that the log holds lines that it must have, before it is searched for secrets.
func (s *shout) checkHolds(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(s.String(), text) {
			t.Errorf("the log does not hold %q:\n%.2000s", text, s.String())
		}
	}
}

// checkUntold searches the log and the answers to clients for secrets.
func checkUntold(t *testing.T, log *shout, said string, secrets []string) {
	t.Helper()
	for where, text := range map[string]string{"the log": log.String(), "an answer": said} {
		for _, secret := range secrets {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s tells %q: …%s…", where, secret, text[max(0, at-200):min(len(text), at+200)])
			}
		}
	}
}

// TestSecretsAreNotTold puts secrets into every place for credentials, and searches all output of the
// proxy for them.
func TestSecretsAreNotTold(t *testing.T) {
	t.Parallel()
	onFake(t, func(t *testing.T, k *cluster) {
		const planted = "pl4nted-s3cret"
		i, topic := newIssuer(t), k.topic(t, 2)
		users := newFile(t, htpasswd(t, "alice", planted+"-file"))
		settings := i.settings(
			"BASIC_AUTH_ENABLED=true", "BASIC_AUTH_USERNAME=root", "BASIC_AUTH_PASSWORD="+planted+"-one", "BASIC_AUTH_HTPASSWD_FILE="+users.path,
			"ADMIN_ENDPOINT_ENABLED=true", "ADMIN_BASIC_AUTH_USERNAME=admin", "ADMIN_BASIC_AUTH_PASSWORD="+planted+"-admin",
		)
		p, log := startShouting(t, k.addr, settings)
		p.awaitReady(t, true)

		token := i.token("alice", map[string]any{"note": planted + "-claim"})
		forged := token[:len(token)-8] + "AAAAAAAA"
		b64 := base64.StdEncoding.EncodeToString([]byte("user:" + planted + "-kafka"))
		secrets := []string{
			planted, token[len(token)-40:], forged[len(forged)-40:], b64, base64.RawURLEncoding.EncodeToString([]byte(planted)),
			basic("root", planted+"-one")[6:], basic("admin", planted+"-admin")[6:], basic("alice", planted+"-file")[6:], "$2a$",
		}
		var said strings.Builder
		for _, headers := range [][]string{
			{"Authorization", basic("root", planted+"-one")},
			{"Authorization", basic("root", planted+"-wrong")},
			{"Authorization", basic(planted, "x")},
			{"Authorization", basic("alice", planted+"-file")},
			{"Authorization", "Bearer " + token},
			{"Authorization", "Bearer " + forged},
			{"Authorization", planted},
			{"Authorization", "Bearer " + planted},
			{"Authorization", "Basic " + planted},
			{"Authorization", "Bearer " + token, "X-Kafka-Auth", b64},
			{"Authorization", "Bearer " + token, "X-Kafka-Auth", planted},
			{"Sec-WebSocket-Protocol", "wsproxy.v1, wsproxy.bearer." + forged},
			{"Sec-WebSocket-Protocol", "wsproxy.v1, wsproxy.kafka." + planted},
			{"Sec-WebSocket-Protocol", "wsproxy.v1, wsproxy.basic." + planted},
			{"Sec-WebSocket-Protocol", "wsproxy.v1, wsproxy.bearer." + token},
		} {
			for _, path := range []string{k.path("/socket/in", topic), k.path("/socket/out", topic), k.path("/socket/in", "__x"), "/kafka/cluster/info"} {
				got := p.upgrade(t, path, headers...)
				fmt.Fprintln(&said, got.status, got.header, got.body)
			}
		}
		for _, credentials := range []string{basic("admin", planted+"-admin"), basic("admin", planted+"-wrong"), "Bearer " + token} {
			for _, path := range []string{"/admin/sessions", "/admin/client/config", "/metrics", "/readyz", "/admin/x"} {
				got := request(t, "GET", "http://"+p.management+path, "Authorization", credentials)
				fmt.Fprintln(&said, got.status, got.header, got.body)
			}
		}
		c := p.dialAs(t, "Bearer "+token, k.path("/socket/in", topic))
		c.send(renewal(token))
		fmt.Fprintln(&said, c.read())
		c.transcript.sentAside()
		if err := c.conn.Write(t.Context(), 1, []byte(renewal(forged))); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&said, c.ended(4401))
		users.write("alice:" + planted + "-plain\n")
		eventually(t, "the faulty file is noticed", func() bool {
			return strings.HasSuffix(p.series(t, `wsproxy_reload_errors_total{file="WSPROXY_BASIC_AUTH_HTPASSWD_FILE"}`), " 1")
		})
		p.app.Shutdown()
		log.checkHolds(t, "level=DEBUG", "handshake refused")
		checkUntold(t, log, said.String(), secrets)
	})
}
