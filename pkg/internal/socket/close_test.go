package socket

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestTheClientCloses(t *testing.T) {
	codes := []int{0, 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}
	for _, code := range codes {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, testSettings(), bufferSize)
				src := &script{}
				src.setOpen(c, true) // messages in flight do not delay the client's close
				r := serve(c, src, nil)
				began := time.Now()
				reason := "why"
				want := proxy.CloseCode(code)
				if code == 0 {
					want, reason = proxy.CloseNoStatus, ""
				}
				p.sendClose(code, reason)
				if _, got := p.wantClose(want); got != reason {
					t.Errorf("the echo's reason is %q", got)
				}
				if frame, err := p.next(); !errors.Is(err, io.EOF) {
					t.Errorf("got %x, %v after the echo", frame, err)
				}
				<-r.over
				wantElapsed(t, began, 0, 0)
				wantResult(t, c, want)
			})
		})
	}
}

func TestTheClientHangsUp(t *testing.T) {
	for name, hangUp := range map[string]func(p *peer){
		"closing":              func(p *peer) { _ = p.Close() },
		"with a reset":         func(p *peer) { p.out.end(errReset, true) },
		"within a frame":       func(p *peer) { _, _ = p.Write([]byte("\x82\xfe\xff\xff1234x")); _ = p.Close() },
		"within a header":      func(p *peer) { _, _ = p.Write([]byte{0x82}); _ = p.Close() },
		"within a message":     func(p *peer) { p.sendFrame(0x02, "x"); _ = p.Close() },
		"within a ping":        func(p *peer) { _, _ = p.Write([]byte("\x89\x851234x")); _ = p.Close() },
		"after closing to say": func(p *peer) { _ = p.CloseWrite() },
	} {
		for _, ending := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, while the proxy closes: %t", name, ending), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, p, _ := accept(t, testSettings(), bufferSize)
					src := &script{}
					src.setOpen(c, true)
					r := serve(c, src, nil)
					want := proxy.CloseAbnormal
					if ending {
						want = proxy.CloseServiceRestart
						c.End(Ending{Code: want, Grace: time.Hour})
					}
					began := time.Now()
					hangUp(p)
					<-r.over
					wantElapsed(t, began, 0, 0)
					wantResult(t, c, want)
					if got := r.got(); len(got) > 0 {
						t.Errorf("a part of a message was taken for one: %q", got[0].payload)
					}
					_ = p.Close()
				})
			})
		}
	}
}

func TestTheProxyCloses(t *testing.T) {
	const grace = 20 * time.Second
	for name, test := range map[string]struct {
		inFlight time.Duration // until nothing is in flight
		answer   func(p *peer) // after the close frame was read
		closed   time.Duration // until the close frame
		over     time.Duration // from the close frame to the end, at most
	}{
		"nothing in flight":       {0, func(p *peer) { p.sendClose(1012, "") }, 0, 0},
		"in flight":               {3 * time.Second, func(p *peer) { p.sendClose(1012, "") }, 3 * time.Second, 0},
		"in flight for too long":  {time.Hour, func(p *peer) { p.sendClose(1012, "") }, grace, 0},
		"another code comes back": {0, func(p *peer) { p.sendClose(1000, "") }, 0, 0},
		"the client hangs up":     {0, func(p *peer) { _ = p.Close() }, 0, 0},
		"no answer":               {0, func(*peer) {}, 0, testSettings().CloseTimeout},
		"the client goes on sending": {0, func(p *peer) {
			for p.out.isOpen() {
				p.send(opText, strings.Repeat("x", 1000))
				time.Sleep(time.Second / 10)
			}
		}, 0, testSettings().CloseTimeout},
		"a broken frame": {0, func(p *peer) { _, _ = p.Write([]byte("\x81\x01a")); _ = p.CloseWrite() }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, m := accept(t, testSettings(), bufferSize)
				src := &script{}
				src.setOpen(c, test.inFlight > 0)
				r := serve(c, src, nil)
				began := time.Now()
				if test.inFlight > 0 {
					time.AfterFunc(test.inFlight, func() { src.add(c, opText, "last"); src.setOpen(c, false) })
				}
				c.End(Ending{Code: proxy.CloseServiceRestart, Reason: "restarting", Grace: grace})
				c.End(Ending{Code: proxy.CloseInternal}) // changes nothing
				before, reason := p.wantClose(proxy.CloseServiceRestart)
				wantElapsed(t, began, test.closed, 0)
				if reason != "restarting" {
					t.Errorf("the reason is %q", reason)
				}
				if done := test.inFlight > 0 && test.inFlight < grace; done != (len(before) == 1) {
					t.Errorf("got %q before the close frame", before)
				}
				closed := time.Now()
				test.answer(p)
				p.wantEnd()
				<-r.over
				wantElapsed(t, closed, test.over, time.Second/10)
				wantResult(t, c, proxy.CloseServiceRestart)
				m.want("slow_client_closes_total", 0)
				_ = p.Close()
				time.Sleep(time.Hour) // lets the timer of what is in flight go
			})
		})
	}
}

func (s *stream) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.gone && s.err == nil
}

func TestAnErrorIsSentBeforeTheCloseFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, testSettings(), bufferSize)
		refused := make(chan struct{})
		go func() {
			defer close(refused)
			ServeRefusal(c, proxy.Errorf(proxy.KindLimitReached, "%s", strings.Repeat("é", 70)))
		}()
		before, reason := p.wantClose(proxy.CloseLimitReached)
		want := `{"error":{"code":"LIMIT_REACHED","message":"` + strings.Repeat("é", 70) + `","retriable":true}}`
		if len(before) != 1 || before[0].op != opText || string(before[0].payload) != want {
			t.Errorf("got %q", before)
		}
		if reason != strings.Repeat("é", 61) {
			t.Errorf("the reason is %q", reason)
		}
		p.send(opText, "what was sent meanwhile is not minded")
		p.sendClose(4429, "")
		<-refused
		p.wantEnd()
		wantResult(t, c, proxy.CloseLimitReached)
	})
}

// TestACloseFrameIsNotLostBehindAWrite ends connections at any time of a busy writer: as
// long as the socket takes writes, the client gets the close frame.
func TestACloseFrameIsNotLostBehindAWrite(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			c, p, _ := accept(t, testSettings(), bufferSize)
			src := &busy{}
			r := serve(c, src, nil)
			go c.End(Ending{Code: proxy.CloseMessageTooBig})
			p.wantClose(proxy.CloseMessageTooBig)
			p.sendClose(1009, "")
			<-r.over
		})
		if t.Failed() {
			return
		}
	}
}

// busy is a source that always has a frame to send.
type busy struct{ nothing }

func (*busy) fill(dst []byte) []byte { return appendFrame(dst, opText, []byte("x")) }

func TestAFullSocketIsJustClosedAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		c, p, m := accept(t, settings, 100)
		src := &script{}
		src.add(c, opText, strings.Repeat("x", 1000))
		r := serve(c, src, nil)
		synctest.Wait()
		began := time.Now()
		c.End(Ending{Code: proxy.CloseServiceRestart, Grace: 3 * time.Second})
		<-r.over
		wantElapsed(t, began, 3*time.Second, 0)
		wantResult(t, c, proxy.CloseServiceRestart)
		m.want("slow_client_closes_total", 0)
		if got, err := io.ReadAll(p); len(got) != 100 || err != nil {
			t.Errorf("%d bytes were taken, %v", len(got), err)
		}
		_ = p.Close()
	})
}

func TestAClientThatClosesBehindAFullSocketIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		c, p, m := accept(t, settings, 100)
		src := &script{}
		src.add(c, opText, strings.Repeat("x", 1000))
		r := serve(c, src, nil)
		synctest.Wait()
		began := time.Now()
		p.sendClose(1001, "")
		<-r.over
		wantElapsed(t, began, echoTimeout, 0)
		wantResult(t, c, proxy.CloseGoingAway)
		m.want("slow_client_closes_total", 0)
		_ = p.Close()
	})
}

// TestTheCloseFrameSurvivesWhatTheClientStillSends has a client read late, after it has sent more
// than the proxy reads: a connection closed at once would be reset.
func TestTheCloseFrameSurvivesWhatTheClientStillSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		settings.MaxMessageBytes = 100
		c, p, _ := accept(t, settings, bufferSize)
		r := serve(c, &script{}, nil)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = p.Write(slices.Concat(clientFrame(0x82, strings.Repeat("x", 101)), make([]byte, 10*bufferSize)))
		}()
		time.Sleep(time.Second)
		p.wantClose(proxy.CloseMessageTooBig)
		<-sent
		_ = p.Close()
		<-r.over
	})
}

func TestAnEndingDoesNotShortenAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, testSettings(), bufferSize)
		c.End(Ending{Code: proxy.CloseInternal})
		if err := c.setWriteDeadline(c.raw, time.Now()); err != nil {
			t.Fatal(err)
		}
		if n, err := c.stream.Conn.Write([]byte("fits")); n != 4 || err != nil {
			t.Errorf("a socket with room took %d bytes, %v", n, err)
		}
		_ = p.Close()
		c.Cut()
	})
}
