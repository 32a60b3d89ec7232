package socket

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// acceptTCP opens a connection that others write for, over a socket that has a descriptor.
func acceptTCP(t *testing.T, s Settings, src source) (*Conn, net.Conn) {
	t.Helper()
	server, client := dialed(t)
	if err := client.SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	c, err := Accept(&takeover{header: map[string][]string{}, conn: server}, upgradeRequest(), s,
		metrics.New(prometheus.NewRegistry(), metrics.Build{}))
	if err != nil {
		t.Fatal(err)
	}
	over := servePushed(c, src).over
	t.Cleanup(func() {
		_ = client.Close()
		<-over
	})
	return c, client
}

// numberedFrames returns the payloads of a stream: their numbers, and lengths up to most.
func numberedFrames(count, most int, seed uint64) []string {
	random := rand.New(rand.NewPCG(seed, 1))
	frames := make([]string, count)
	for i := range frames {
		frames[i] = fmt.Sprint(i, " ", strings.Repeat("x", random.IntN(most)))
	}
	return frames
}

// wantFrames reads what was sent, in order.
func wantFrames(t *testing.T, r io.Reader, frames []string) {
	t.Helper()
	p := &peer{t: t, r: bufio.NewReader(r)}
	for _, frame := range frames {
		p.want(opText, frame)
	}
}

// TestPushedFramesComeWholeAndInOrder has many goroutines wake many connections, whose clients read
// fast, slowly or not at all for a while.
func TestPushedFramesComeWholeAndInOrder(t *testing.T) {
	settings := quietSettings()
	var all sync.WaitGroup
	for n := range 24 {
		src := &script{}
		c, client := acceptTCP(t, settings, src)
		frames := numberedFrames(200, []int{50, 3000, 100_000}[n%3]/(1+n%2), uint64(n))
		all.Go(func() {
			for _, frame := range frames {
				src.add(c, opText, frame)
			}
		})
		all.Go(func() {
			r := io.Reader(client)
			if n%4 == 0 {
				time.Sleep(50 * time.Millisecond) // its socket is full by then
				r = &smallReads{client}
			}
			wantFrames(t, r, frames)
		})
	}
	all.Wait()
}

// smallReads reads a few bytes at a time.
type smallReads struct{ io.Reader }

func (r *smallReads) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(len(p), 700)]) }

// TestAFullSocketHoldsUpNobodyElse has more clients that read nothing than there are goroutines that push.
func TestAFullSocketHoldsUpNobodyElse(t *testing.T) {
	settings := quietSettings()
	for range 12 {
		src := &script{}
		c, _ := acceptTCP(t, settings, src)
		for range 100 {
			src.add(c, opText, strings.Repeat("x", 100_000))
		}
	}
	src := &script{}
	c, client := acceptTCP(t, settings, src)
	frames := numberedFrames(100, 1000, 1)
	for _, frame := range frames {
		src.add(c, opText, frame)
		wantFrames(t, client, []string{frame})
	}
}

// TestPushedFramesLeaveTheWriterAlone sends short frames until one was written without the writer, which was busy before.
func TestPushedFramesLeaveTheWriterAlone(t *testing.T) {
	src := &script{}
	c, client := acceptTCP(t, quietSettings(), src)
	p := &peer{t: t, r: bufio.NewReader(client)}
	buffer := func() (had bool) {
		c.writing.Lock()
		defer c.writing.Unlock()
		had, c.out = c.out != nil, nil
		return had
	}
	const most = 1000
	for i := range most {
		buffer()
		src.add(c, opText, fmt.Sprint(i))
		if p.want(opText, fmt.Sprint(i)); !buffer() {
			return
		}
	}
	t.Errorf("the writer wrote each of %d frames", most)
}

// TestAPushedConnectionIsKeptAlive has a peer that answers a ping, and not the next one.
func TestAPushedConnectionIsKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		c, p, _ := accept(t, settings, bufferSize)
		r := servePushed(c, &script{})
		began := time.Now()
		p.want(opPing, keepalivePing)
		wantElapsed(t, began, settings.PingInterval, settings.PingInterval/beats+beat)
		p.send(opPong, keepalivePing)
		p.want(opPing, keepalivePing)
		pinged := time.Now()
		<-r.over
		wantElapsed(t, pinged, settings.PongTimeout, settings.PingInterval/beats+beat)
		wantResult(t, c, proxy.CloseAbnormal)
		if due := len(settings.Pushers.calendar.due[c.due.alive]); due != 0 {
			t.Errorf("the calendar has %d connections that are over", due)
		}
	})
}

// TestAPushedConnectionEnds by the proxy, with what was to be sent before.
func TestAPushedConnectionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, testSettings(), bufferSize)
		src := &script{}
		r := servePushed(c, src)
		src.add(c, opText, "last")
		c.End(Ending{Code: proxy.CloseServiceRestart})
		if before, _ := p.wantClose(proxy.CloseServiceRestart); len(before) != 1 || string(before[0].payload) != "last" {
			t.Errorf("got %q before the close frame", before)
		}
		p.sendClose(int(proxy.CloseServiceRestart), "")
		<-r.over
	})
}

// TestPushedTLSKeepsWhatTheSocketDoesNotTake has a peer with TLS that is slow at first.
func TestPushedTLSKeepsWhatTheSocketDoesNotTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := quietSettings()
		c, p, _, slow := acceptTLS(t, settings, 4096)
		slow.rest, slow.slowly = time.Second, 100_000
		src := &script{}
		r := servePushed(c, src)
		frames := numberedFrames(60, 20_000, 1)
		frames = append(frames, strings.Repeat("x", writePiece*5))
		for _, frame := range frames {
			src.add(c, opText, frame)
		}
		for _, frame := range frames {
			p.want(opText, frame)
		}
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-r.over
	})
}

// TestACalendarForgetsNobody sets times at random: each connection is queued at the beat of the earliest, and none
// that is over.
func TestACalendarForgetsNobody(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			p := &Pushers{running: 1 << 20} // none is pushed
			conns := make([]*Conn, 1+random.IntN(6))
			wants := make([]time.Time, len(conns))
			for i := range conns {
				conns[i] = &Conn{}
				conns[i].pushers.Store(p)
			}
			for range 200 {
				i, now := random.IntN(len(conns)), time.Now()
				source := now.Add(time.Duration(random.IntN(40)) * time.Millisecond)
				alive := now.Add(time.Duration(random.IntN(300)) * time.Millisecond)
				if random.IntN(3) == 0 {
					source = time.Time{}
				}
				if random.IntN(10) == 0 {
					p.forget(conns[i])
					conns[i].due, wants[i] = dueBeats{}, time.Time{}
				} else {
					p.setDue(conns[i], now, source, alive)
					wants[i] = alive
					if !source.IsZero() && source.Before(alive) {
						wants[i] = source
					}
				}
				time.Sleep(time.Duration(random.IntN(12)) * time.Millisecond)
				synctest.Wait()
				for i, c := range conns {
					late := !wants[i].IsZero() && time.Since(wants[i]) > 2*beat
					if queued := c.queued.Swap(false); queued && wants[i].IsZero() {
						t.Fatalf("seed %d: one is queued that is over", seed)
					} else if queued {
						wants[i] = time.Now().Add(time.Hour)
						p.setDue(c, time.Now(), time.Time{}, wants[i])
					} else if late {
						t.Fatalf("seed %d: one is not queued", seed)
					}
				}
			}
			for _, c := range conns {
				p.forget(c)
			}
			for beat, due := range p.calendar.due {
				if len(due) > 0 {
					t.Errorf("seed %d: %d are due at %d", seed, len(due), beat)
				}
			}
		})
	}
}
