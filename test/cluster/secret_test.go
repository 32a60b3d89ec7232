//go:build cluster

package cluster

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/crypto/bcrypt"
)

const (
	usersSecret = "users"
	oldUser     = "ada"
	newUser     = "grace"
	password    = "correct horse battery"

	// holders are the sockets of a user, so many that every pod has one.
	holders = 20
)

// testSecret replaces the Secret with the users: every pod takes the new ones and refuses the old, whose sockets end, and none is restarted.
func testSecret(t *testing.T, s *site) {
	former := pods(t, "default")
	users(t, oldUser)
	s.upgrade(t, "--reuse-values", "--set", "auth.basic.enabled=true,auth.basic.existingSecret="+usersSecret+",auth.basic.htpasswdKey=users")
	await(t, "end of the pods without users", longest, func() bool { return gone(t, former) })
	url := s.plain(t, deployment).url
	ends := make(chan string, holders)
	for range holders {
		socket := s.socketOf(t, url, oldUser)
		go func() { ends <- closeOf(t.Context(), socket) }() // it reads all the time, or it would not answer pings
	}
	before := state(t)
	users(t, newUser)
	began := time.Now()
	closes := map[string]int{}
	over := time.After(longest) // a kubelet looks at Secrets every minute or so
	for range holders {
		select {
		case code := <-ends:
			closes[code]++
		case <-over:
			t.Fatalf("sockets of the user that is gone are open after %s; others ended by %v", longest, closes)
		}
	}
	s.note(t, "every pod had the new users after %s", time.Since(began).Round(time.Second))
	s.last().closes = closes
	if closes["4401"] != holders {
		t.Errorf("sockets of the user that is gone ended by %v, want 4401", closes)
	}
	for user, want := range map[string]int{newUser: http.StatusOK, oldUser: http.StatusUnauthorized} {
		if is := statusFor(t, url, user); is != want {
			t.Errorf("user %s gets %d, want %d", user, is, want)
		}
	}
	if after := state(t); after != before {
		t.Errorf("the pods were %q and are %q", before, after)
	}
	s.upgrade(t, "--reuse-values", "--set", "auth.basic.enabled=false,auth.basic.existingSecret=,auth.basic.htpasswdKey=")
}

// users creates or replaces the Secret with the one user.
func users(t *testing.T, name string) {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	line := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(line, []byte(name+":"+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	secretOf(t, usersSecret, "--from-file", line)
}

// statusFor is how a request with a user's credentials is answered.
func statusFor(t *testing.T, url, user string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http"+strings.TrimPrefix(url, "ws")+"/kafka/cluster/info", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(user, password)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// socketOf opens a socket with a user's credentials, which reads live.
func (s *site) socketOf(t *testing.T, url, user string) *websocket.Conn {
	t.Helper()
	request := &http.Request{Header: http.Header{}}
	request.SetBasicAuth(user, password)
	conn, _, err := websocket.Dial(t.Context(), url+"/socket/tail?topic="+s.topic("secrets"), &websocket.DialOptions{HTTPHeader: request.Header}) //nolint:bodyclose // the library closes it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// closeOf reads until a socket ends, and returns by what status.
func closeOf(ctx context.Context, conn *websocket.Conn) string {
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			return status(err)
		}
	}
}
