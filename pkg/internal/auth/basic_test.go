package auth

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/fair"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// line is one of htpasswd, of a cost that does not take long.
func line(user, password string) string {
	return user + ":" + string(must(bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)))
}

func withFile(t *testing.T, b *Basic, lines ...string) *Basic {
	t.Helper()
	if err := b.Use([][]byte{[]byte(strings.Join(lines, "\n"))}); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPasswords(t *testing.T) {
	one := NewBasic("root", "se:same ü")
	file := withFile(t, NewBasic("", ""), line("alice", "a"), line("bob", ""), line("ünal", "ü"))
	both := withFile(t, NewBasic("root", "sesame"), line("root", "another"), line("alice", "a"))
	for name, test := range map[string]struct {
		basic          *Basic
		user, password string
		right          bool
	}{
		"the one user":                     {one, "root", "se:same ü", true},
		"the one user, wrong":              {one, "root", "sesame", false},
		"the one user, empty":              {one, "root", "", false},
		"the one user, longer":             {one, "root", "se:same üx", false},
		"another user":                     {one, "toor", "se:same ü", false},
		"the same letters":                 {one, "root:se", "same ü", false},
		"one of the file":                  {file, "alice", "a", true},
		"one of the file, wrong":           {file, "alice", "b", false},
		"one of the file, another case":    {file, "Alice", "a", false},
		"one with an empty password":       {file, "bob", "", true},
		"one with letters beyond ASCII":    {file, "ünal", "ü", true},
		"nobody of the file":               {file, "carol", "a", false},
		"the hash for a password":          {file, "alice", string(file.file.Load().hashes["alice"]), false},
		"the one user beside a file":       {both, "root", "sesame", true},
		"the one user as the file has it":  {both, "root", "another", true},
		"one of the file beside the one":   {both, "alice", "a", true},
		"the other's password":             {both, "alice", "sesame", false},
		"the password that hides the user": {both, "carol", "another", false},
	} {
		for range 2 { // the second time from the credential cache
			_, e := test.basic.check(t.Context(), test.user, test.password)
			if test.right != (e == nil) || e != nil && e.Kind != proxy.KindNotAuthenticated {
				t.Errorf("%s: got %v", name, e)
			}
		}
	}
}

// TestPasswordsAreCheckedOnce counts the checks of many handshakes.
func TestPasswordsAreCheckedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := withFile(t, NewBasic("", ""), line("alice", "a"))
		checks := 0
		for _, step := range []struct {
			name   string
			right  bool
			after  time.Duration
			checks int
		}{
			{"the first", true, 0, 1},
			{"the second", true, 0, 1},
			{"within its life", true, acceptedLife - time.Second, 1},
			{"beyond its life", true, 2 * time.Second, 2},
			{"a wrong one", false, 0, 3},
			{"the same wrong one", false, refusedLife - time.Second, 3},
			{"beyond the life of a wrong one", false, 2 * time.Second, 4},
		} {
			time.Sleep(step.after)
			key := b.digest("alice", fmt.Sprint(step.right), "x")
			right, e := b.remembered(t.Context(), key, func() bool {
				checks++
				return step.right
			})
			if e != nil || right != step.right || checks != step.checks {
				t.Errorf("%s: got %v, %v after %d checks, want %d", step.name, right, e, checks, step.checks)
			}
		}
	})
}

// TestAChangedPasswordIsForgotten checks that no cached result of the old password is used.
func TestAChangedPasswordIsForgotten(t *testing.T) {
	b := withFile(t, NewBasic("", ""), line("alice", "old"))
	if _, e := b.check(t.Context(), "alice", "old"); e != nil {
		t.Fatal(e)
	}
	withFile(t, b, line("alice", "new"))
	_, e := b.check(t.Context(), "alice", "old")
	wantKind(t, "the old password", e, proxy.KindNotAuthenticated)
	if _, e := b.check(t.Context(), "alice", "new"); e != nil {
		t.Errorf("the new password: %v", e)
	}
	if err := b.Use([][]byte{[]byte("alice:plain")}); err == nil {
		t.Error("a faulty file was taken")
	}
	if _, e := b.check(t.Context(), "alice", "new"); e != nil {
		t.Errorf("after a faulty file: %v", e)
	}
}

// TestAFloodOfPasswordsIsBounded sends more passwords than can be checked: some requests wait, some are
// refused, and a client with a cached password is not delayed.
func TestAFloodOfPasswordsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBasic("", "")
		known := b.digest("alice", "h", "a")
		if _, e := b.remembered(t.Context(), known, func() bool { return true }); e != nil {
			t.Fatal(e)
		}
		release := make(chan struct{})
		var mu sync.Mutex
		busy, under, most := 0, 0, 0
		var flood sync.WaitGroup
		for n := range 3 * maxWaiting {
			flood.Go(func() {
				_, e := b.remembered(t.Context(), b.digest("x", "h", fmt.Sprint(n)), func() bool {
					mu.Lock()
					under++
					most = max(most, under)
					mu.Unlock()
					<-release
					mu.Lock()
					under--
					mu.Unlock()
					return false
				})
				if e != nil {
					mu.Lock()
					defer mu.Unlock()
					busy++
					if e.Kind != proxy.KindOverloaded {
						t.Errorf("got %v", e)
					}
				}
			})
		}
		synctest.Wait()
		if right, e := b.remembered(t.Context(), known, nil); !right || e != nil {
			t.Errorf("a known client: %v, %v", right, e)
		}
		time.Sleep(checkTimeout + time.Millisecond) // waiting requests give up before
		close(release)
		flood.Wait()
		if most > checksAtOnce() || busy != 3*maxWaiting-checksAtOnce() {
			t.Errorf("%d were checked at a time, %d were sent away", most, busy)
		}
	})
}

// TestAFloodOfPasswordsHoldsUpItsSenderAlone sends as many passwords as possible from one address. Every
// second turn goes to another address.
func TestAFloodOfPasswordsHoldsUpItsSenderAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, release := NewBasic("", ""), make(chan struct{})
		attack, stop := context.WithCancel(fair.WithAddress(t.Context(), "192.0.2.66"))
		var flood sync.WaitGroup
		for n := range 3 * maxWaiting {
			flood.Go(func() {
				_, _ = b.remembered(attack, b.digest("x", "h", fmt.Sprint(n)), func() bool {
					<-release
					return false
				})
			})
		}
		synctest.Wait()
		honest := make(chan *proxy.Error, 1)
		go func() {
			_, e := b.remembered(fair.WithAddress(t.Context(), "192.0.2.1"), b.digest("alice", "h", "a"), func() bool { return true })
			honest <- e
		}()
		synctest.Wait()
		for range checksAtOnce() + 1 { // those that were under way when it came, and a turn of the flood
			release <- struct{}{}
		}
		if e := <-honest; e != nil {
			t.Error(e)
		}
		stop()
		close(release)
		flood.Wait()
	})
}

func TestAClientThatLeavesIsNotWaitedFor(t *testing.T) {
	b := NewBasic("", "")
	for range checksAtOnce() {
		if !b.turns.TryTake("") {
			t.Fatal("a turn is taken already")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, e := b.remembered(ctx, b.digest("x", "h", "p"), func() bool { return true })
	wantKind(t, "it", e, proxy.KindOverloaded)
}

func TestCredentialCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, v := NewBasic("", ""), new(credentialCache)
		old := b.digest("old", "", "")
		v.add(old, time.Second)
		time.Sleep(time.Second)
		var last digest
		for n := range 3 * maxCachedCredentials {
			last = b.digest(fmt.Sprint(n), "", "")
			v.add(last, time.Minute)
			if len(v.until) > maxCachedCredentials {
				t.Fatalf("%d are remembered", len(v.until))
			}
		}
		if v.has(old) || !v.has(last) {
			t.Errorf("the old one is there: %v, the last: %v", v.has(old), v.has(last))
		}
	})
}

func TestHtpasswd(t *testing.T) {
	good := strings.TrimPrefix(line("x", "p"), "x:")
	for name, test := range map[string]struct {
		text string
		want string // the fault, empty where the file is good
	}{
		"one user":         {"a:" + good, ""},
		"several":          {"a:" + good + "\nb:" + good + "\n", ""},
		"comments":         {"# users\n\n  \na:" + good + "\r\n", ""},
		"2y":               {"a:$2y$" + good[4:], ""},
		"empty":            {"", "there are no users"},
		"comments alone":   {"# a:b", "there are no users"},
		"no colon":         {"alice", "line 1: it must be user:hash"},
		"no user":          {":" + good, "line 1: it must be user:hash"},
		"plain text":       {"a:" + good + "\nb:sesame", "line 2: the hash must be one of bcrypt"},
		"MD5":              {"a:$apr1$Zx2b$9hQ0mGp2hJd9Xw", "line 1: the hash must be one of bcrypt"},
		"SHA":              {"a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "line 1: the hash must be one of bcrypt"},
		"cut off":          {"a:" + good[:59], "line 1: the hash must be one of bcrypt"},
		"more behind it":   {"a:" + good + ":x", "line 1: the hash must be one of bcrypt"},
		"a cost of years":  {"a:$2a$31$" + good[7:], "line 1: the hash has a cost above 16"},
		"twice":            {"a:" + good + "\na:" + good, "line 2: the user is there already"},
		"a control letter": {"a\x00:" + good, "line 1: the user must be UTF-8"},
		"not UTF-8":        {"\xff:" + good, "line 1: the user must be UTF-8"},
		"all faults":       {"sesame\n\nb:sesame", "line 3: "},
	} {
		_, err := parseHtpasswd([]byte(test.text))
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		case err != nil && (strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), good[10:40])):
			t.Errorf("%s: the fault repeats the file: %v", name, err)
		}
	}
}

// FuzzHtpasswd checks that bcrypt can use every accepted hash, and that faults repeat nothing of the
// file's content.
func FuzzHtpasswd(f *testing.F) {
	good := strings.TrimPrefix(line("x", "p"), "x:")
	for _, text := range []string{"a:" + good, "a:" + good + "\r\n#\nb:" + good, "a:b", ":", "\n", "a:$2y$31$" + good[7:]} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := parseHtpasswd(text)
		if err != nil {
			for part := range strings.FieldsFuncSeq(string(text), func(r rune) bool { return strings.ContainsRune(":\r\n", r) }) {
				if len(part) > 60 && strings.Contains(err.Error(), part) {
					t.Errorf("the fault repeats %q: %v", part, err)
				}
			}
			return
		}
		if len(parsed.hashes) == 0 || parsed.decoy == nil {
			t.Fatal("there are no users")
		}
		for user, hash := range parsed.hashes {
			cost, err := bcrypt.Cost(hash)
			if user == "" || err != nil || cost > maxCost || len(hash) != 60 {
				t.Errorf("%q has the hash %q", user, hash)
			}
			if again, err := parseHtpasswd([]byte(user + ":" + string(hash))); !strings.HasPrefix(user, "#") && (err != nil || len(again.hashes) != 1) {
				t.Errorf("%q is not taken alone: %v", user, err)
			}
		}
	})
}
