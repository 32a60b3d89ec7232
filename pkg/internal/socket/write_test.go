package socket

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestAPingIsAnsweredWhileTheFlowIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, testSettings(), bufferSize)
		r := serve(c, &busy{}, nil)
		p.want(opText, "x")
		p.send(opPing, "are you there")
		for range 10 * bufferSize {
			if got, err := p.next(); err != nil || got.op == opPong {
				if string(got.payload) != "are you there" {
					t.Errorf("the pong has %q, %v", got.payload, err)
				}
				_ = p.Close()
				<-r.over
				return
			}
		}
		t.Error("no pong came")
	})
}

// TestAPingIsAnsweredBehindAFullSocket leaves the pong waiting for longer than the five
// seconds after which the library would close the connection.
func TestAPingIsAnsweredBehindAFullSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, testSettings(), 1000)
		src := &script{}
		src.add(c, opBinary, strings.Repeat("x", 5000))
		r := serve(c, src, nil)
		synctest.Wait()
		p.send(opPing, "older")
		p.send(opPing, "newest")
		time.Sleep(time.Minute)
		p.want(opBinary, strings.Repeat("x", 5000))
		p.want(opPing, keepalivePing)
		p.want(opPong, "older")
		p.want(opPong, "newest")
		p.send(opPing, "")
		p.want(opPong, "")
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-r.over
	})
}

// TestPingsThatAreTooManyAreAnsweredByTheNewest sends pings behind a full socket. One pong may
// answer several pings (RFC 6455, section 5.5.3).
func TestPingsThatAreTooManyAreAnsweredByTheNewest(t *testing.T) {
	const pings = 10_000
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), 1000)
		src := &script{}
		src.add(c, opBinary, strings.Repeat("x", 5000))
		r := serve(c, src, nil)
		synctest.Wait()
		for i := range pings {
			p.send(opPing, fmt.Sprint(i))
		}
		synctest.Wait()
		if kept := cap(c.pongs); kept > 2*maxPongs {
			t.Errorf("%d bytes of pongs are kept", kept)
		}
		p.want(opBinary, strings.Repeat("x", 5000))
		last := ""
		for answered := 0; last != fmt.Sprint(pings-1); answered++ {
			pong, err := p.next()
			if err != nil || pong.op != opPong || answered > maxPongs {
				t.Fatalf("after %d pongs: %v, %v", answered, pong, err)
			}
			last = string(pong.payload)
		}
		_ = p.Close()
		<-r.over
	})
}

func TestManyFramesLeaveInOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, testSettings(), bufferSize)
		src := &script{}
		for i := range 500 {
			src.add(c, opText, fmt.Sprint(i))
		}
		r := serve(c, src, nil)
		for i := range 500 {
			p.want(opText, fmt.Sprint(i))
		}
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-r.over
		if src.writes != 1 {
			t.Errorf("there were %d writes", src.writes)
		}
		m.want("bytes_sent_total", 500*2+10+2*90+3*400)
	})
}

func TestAHugeWriteBufferIsNotKept(t *testing.T) {
	for name, test := range map[string]struct {
		size int
		kept bool
	}{
		"a usual write": {fillSize, true},
		"a huge one":    {16 * fillSize, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := &Conn{}
			c.keepBuffer(make([]byte, test.size))
			if (c.out != nil) != test.kept || len(c.out) > 0 {
				t.Errorf("kept %d bytes of %d", cap(c.out), test.size)
			}
		})
	}
}

// TestSendTextWaits leaves more texts than the Conn holds while the socket is full.
func TestSendTextWaits(t *testing.T) {
	const senders, each = 3, 50
	text := strings.Repeat("x", 1000)
	for name, release := range map[string]func(t *testing.T, p *peer){
		"until the client reads": func(t *testing.T, p *peer) {
			t.Helper()
			next := [senders]int{}
			for range senders * each {
				got, err := p.next()
				var sender, n int
				if _, e := fmt.Sscanf(string(got.payload), "%d %d", &sender, &n); err != nil || e != nil || next[sender] != n {
					t.Fatalf("got %.20q, %v, %v, want the texts of each sender in order", got.payload, err, e)
				}
				next[sender]++
			}
			_ = p.Close()
		},
		"until the client hangs up": func(_ *testing.T, p *peer) { _ = p.Close() },
		"until the client is dropped": func(*testing.T, *peer) {
			time.Sleep(2 * testSettings().WriteTimeout)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, testSettings(), 1000)
				r := serve(c, &script{}, nil)
				var all sync.WaitGroup
				for sender := range senders {
					all.Go(func() {
						for n := range each {
							c.SendText(fmt.Appendf(nil, "%d %d %s", sender, n, text))
						}
					})
				}
				time.Sleep(time.Second)
				c.mu.Lock()
				if held := len(c.texts); held < maxTexts || held > maxTexts+len(text)+10 {
					t.Errorf("%d bytes of texts are held", held)
				}
				c.mu.Unlock()
				release(t, p)
				all.Wait()
				_ = p.Close()
				<-r.over
			})
		})
	}
}
