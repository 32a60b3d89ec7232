package socket

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func wantKind(t *testing.T, got *proxy.Error, want proxy.Kind) {
	t.Helper()
	if got == nil || got.Kind != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// someone is a client's address.
const someone = "192.0.2.1:1"

// check tells whether a handshake would begin.
func check(r *Registry) *proxy.Error {
	through, e := r.Enter(someone)
	through()
	return e
}

func TestAdmission(t *testing.T) {
	for name, limit := range map[string]int{"one": 1, "three": 3} {
		t.Run(name, func(t *testing.T) {
			r := NewRegistry(Limits{Connections: limit})
			for range limit {
				if e := r.Admit(someone); e != nil {
					t.Fatal(e)
				}
			}
			wantKind(t, check(r), proxy.KindOverloaded)
			wantKind(t, r.Admit(someone), proxy.KindOverloaded)
			r.Leave(someone, nil)
			if e := check(r); e != nil {
				t.Error(e)
			}
			if e := r.Admit(someone); e != nil {
				t.Error(e)
			}
		})
	}
	t.Run("without a limit", func(t *testing.T) {
		r := NewRegistry(Limits{})
		for range 10_000 {
			if e := r.Admit(someone); e != nil {
				t.Fatal(e)
			}
		}
	})
	t.Run("while draining", func(t *testing.T) {
		r := NewRegistry(Limits{})
		if left := r.Drain(time.Hour); left != 0 {
			t.Errorf("%d are left", left)
		}
		wantKind(t, check(r), proxy.KindShuttingDown)
		wantKind(t, r.Admit(someone), proxy.KindShuttingDown)
	})
}

func TestAdmissionUnderLoad(t *testing.T) {
	const limit = 10
	r := NewRegistry(Limits{Connections: limit})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 200 {
				if r.Admit(someone) != nil {
					continue
				}
				if n := r.count(); n < 1 || n > limit {
					t.Errorf("%d are admitted", n)
				}
				r.Leave(someone, nil)
			}
		})
	}
	all.Wait()
	if n := r.count(); n != 0 {
		t.Errorf("%d are admitted at the end", n)
	}
}

func (r *Registry) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.admitted
}

// open admits and serves a connection.
func (r *Registry) open(t *testing.T, src source) (*Conn, *peer, *reader) {
	t.Helper()
	if e := r.Admit(someone); e != nil {
		t.Fatal(e)
	}
	c, p, _ := accept(t, quietSettings(), bufferSize)
	r.Add(c)
	served := serve(c, src, nil)
	go func() {
		<-served.over
		r.Leave(someone, c)
	}()
	return c, p, served
}

func TestDrain(t *testing.T) {
	const grace = 50 * time.Second
	for name, test := range map[string]struct {
		inFlight time.Duration // until nothing is in flight
		answers  bool          // whether the client answers the close frame
		took     time.Duration
	}{
		"nothing in flight":   {0, true, 0},
		"in flight":           {10 * time.Second, true, 10 * time.Second},
		"in flight for ever":  {time.Hour, true, grace * 3 / 5},
		"a client that waits": {0, false, testSettings().CloseTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRegistry(Limits{})
				src := &script{open: test.inFlight > 0}
				c, p, served := r.open(t, src)
				time.AfterFunc(test.inFlight, func() { src.setOpen(c, false) })
				go func() {
					p.wantClose(proxy.CloseServiceRestart)
					if test.answers {
						p.sendClose(1012, "")
					}
				}()
				began := time.Now()
				if left := r.Drain(grace); left != 0 {
					t.Errorf("%d are left", left)
				}
				wantElapsed(t, began, test.took, 0)
				<-served.over
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestDrainIsSpread checks that many connections end one after another, and within a fifth of the grace.
func TestDrainIsSpread(t *testing.T) {
	const count = 20
	for name, test := range map[string]struct {
		grace, last time.Duration
	}{
		"at the rate":                 {time.Minute, (count - 1) * time.Second / drainRate},
		"within a fifth of the grace": {50 * time.Millisecond, (count - 1) * 10 * time.Millisecond / count},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRegistry(Limits{})
				ended := make(chan time.Time, count)
				for range count {
					_, p, _ := r.open(t, &script{})
					go func() {
						p.wantClose(proxy.CloseServiceRestart)
						ended <- time.Now()
						p.sendClose(1012, "")
					}()
				}
				began := time.Now()
				if left := r.Drain(test.grace); left != 0 {
					t.Errorf("%d are left", left)
				}
				times := map[time.Time]bool{}
				var last time.Time
				for range count {
					last = <-ended
					times[last] = true
				}
				if took := last.Sub(began); took != test.last || len(times) != count {
					t.Errorf("%d connections ended at %d times within %s, not %s", count, len(times), took, test.last)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

func TestDrainCutsWhatIsLeft(t *testing.T) {
	const grace = 5 * time.Second
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Limits{})
		_, p, served := r.open(t, &script{}) // never answers the close frame
		began := time.Now()
		if left := r.Drain(grace); left != 0 {
			t.Errorf("%d are left", left)
		}
		wantElapsed(t, began, grace*4/5, 0)
		<-served.over
		p.wantClose(proxy.CloseServiceRestart)
	})
}

func TestDrainGivesUp(t *testing.T) {
	const grace = 5 * time.Second
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Limits{})
		if e := r.Admit(someone); e != nil { // a handshake that hangs
			t.Fatal(e)
		}
		began := time.Now()
		if left := r.Drain(grace); left != 1 {
			t.Errorf("%d are left", left)
		}
		wantElapsed(t, began, grace, 0)
	})
}

// TestAHandshakeThatEndsWhileDraining adds a connection that was admitted before.
func TestAHandshakeThatEndsWhileDraining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry(Limits{})
		if e := r.Admit(someone); e != nil {
			t.Fatal(e)
		}
		drained := make(chan int)
		go func() { drained <- r.Drain(time.Minute) }()
		synctest.Wait()
		c, p, _ := accept(t, quietSettings(), bufferSize)
		r.Add(c)
		served := serve(c, &script{open: true}, nil)
		p.wantClose(proxy.CloseServiceRestart)
		p.sendClose(1012, "")
		<-served.over
		r.Leave(someone, c)
		if left := <-drained; left != 0 {
			t.Errorf("%d are left", left)
		}
	})
}
