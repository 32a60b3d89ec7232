package socket

import (
	"bufio"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestASilentPeerIsPingedAndDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		c, p, m := accept(t, settings, bufferSize)
		r := serve(c, &script{}, nil)
		began := time.Now()
		p.want(opPing, keepalivePing)
		wantElapsed(t, began, settings.PingInterval, 0)
		p.wantEnd()
		<-r.over
		wantElapsed(t, began, settings.PingInterval+settings.PongTimeout, 0)
		wantResult(t, c, proxy.CloseAbnormal)
		m.want("slow_client_closes_total", 0)
	})
}

func TestAnythingHeardKeepsAPeer(t *testing.T) {
	late := testSettings().PongTimeout - time.Millisecond
	for name, test := range map[string]struct {
		after  time.Duration // the ping
		answer func(p *peer)
	}{
		"the pong at once":         {0, func(p *peer) { p.send(opPong, keepalivePing) }},
		"the pong just in time":    {late, func(p *peer) { p.send(opPong, keepalivePing) }},
		"another pong":             {late, func(p *peer) { p.send(opPong, "") }},
		"a message":                {late, func(p *peer) { p.send(opText, "x") }},
		"the beginning of a frame": {late, func(p *peer) { _, _ = p.Write(clientFrame(0x82, "xxxxxx")[:7]) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				settings := testSettings()
				c, p, _ := accept(t, settings, bufferSize)
				r := serve(c, &script{}, nil)
				p.want(opPing, keepalivePing)
				time.Sleep(test.after)
				test.answer(p)
				answered := time.Now()
				p.want(opPing, keepalivePing)
				wantElapsed(t, answered, settings.PingInterval, settings.PingInterval/beats)
				_ = p.Close()
				<-r.over
			})
		})
	}
}

// TestIdlePeersArePingedTogether opens 50 connections, four in each of the moments at which peers are pinged.
func TestIdlePeersArePingedTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		beat := settings.PingInterval / beats
		var mu sync.Mutex
		moments := map[time.Time]bool{}
		var clients sync.WaitGroup
		for range 50 {
			time.Sleep(beat / 4)
			c, p, _ := accept(t, settings, bufferSize)
			r := serve(c, &script{}, nil)
			began := time.Now()
			clients.Go(func() {
				p.want(opPing, keepalivePing)
				wantElapsed(t, began, settings.PingInterval, beat)
				mu.Lock()
				moments[time.Now()] = true
				mu.Unlock()
				_ = p.Close()
				<-r.over
			})
		}
		clients.Wait()
		if len(moments) > 50/4+1 {
			t.Errorf("they were pinged at %d moments", len(moments))
		}
	})
}

func TestABusyPeerIsNotPinged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		c, p, _ := accept(t, settings, bufferSize)
		r := serve(c, &script{}, nil)
		for range 100 {
			time.Sleep(settings.PingInterval - time.Millisecond)
			p.send(opText, "x")
		}
		p.sendClose(1000, "")
		if before, _ := p.wantClose(proxy.CloseNormal); len(before) > 0 {
			t.Errorf("got %d frames", len(before))
		}
		<-r.over
	})
}

// TestAPeerIsNotDroppedWhileNobodyReads holds up the reader, as a full window or a rate limit
// does: bytes that the peer sends meanwhile are not read.
func TestAPeerIsNotDroppedWhileNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		c, p, _ := accept(t, settings, bufferSize)
		src := &script{}
		release := make(chan struct{})
		r := serve(c, src, func() { <-release })
		p.send(opText, "x")
		began := time.Now()
		time.Sleep(time.Hour)
		src.add(c, opText, "still here")
		p.want(opText, "still here")
		close(release)
		p.want(opPing, keepalivePing)
		if took := time.Since(began); took < time.Hour+settings.PingInterval || took > time.Hour+2*settings.PingInterval {
			t.Errorf("the next ping came after %v", took)
		}
		p.wantEnd() // the clock runs again
		<-r.over
		wantResult(t, c, proxy.CloseAbnormal)
	})
}

// TestThePongOfAPeerThatWasNotReadCounts holds up the reader between a ping and its pong.
func TestThePongOfAPeerThatWasNotReadCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		c, p, _ := accept(t, settings, bufferSize)
		release := make(chan struct{})
		r := serve(c, &script{}, func() { <-release })
		p.want(opPing, keepalivePing)
		p.send(opText, "x")
		synctest.Wait()
		p.send(opPong, keepalivePing)
		time.Sleep(10 * settings.PongTimeout)
		close(release)
		p.want(opPing, keepalivePing)
		_ = p.Close()
		<-r.over
	})
}

// TestAFullSocketIsGivenTheWriteTimeout has a peer that does not read.
func TestAFullSocketIsGivenTheWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		c, p, m := accept(t, settings, 1000)
		src := &script{}
		src.add(c, opBinary, strings.Repeat("x", 5000))
		r := serve(c, src, nil)
		began := time.Now()
		time.Sleep(settings.WriteTimeout / 2)
		if got := p.bytes(10); len(got) != 10 { // the clock counts from the last byte taken
			t.Fatal(got)
		}
		<-r.over
		wantElapsed(t, began, settings.WriteTimeout*3/2, settings.WriteTimeout/takenChecks)
		wantResult(t, c, proxy.CloseTryAgainLater)
		m.want("slow_client_closes_total", 1)
		_ = p.Close()
	})
}

// TestASlowPeerSurvives has a peer that reads a little now and then and is never silent for
// the WriteTimeout, but for far more than PingInterval and PongTimeout.
func TestASlowPeerSurvives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		const size = 256 << 10
		c, p, m := accept(t, settings, 4096)
		p.r = bufio.NewReaderSize(p.endpoint, 16) // the peer takes no more than it says
		src := &script{}
		src.add(c, opBinary, strings.Repeat("x", size))
		r := serve(c, src, nil)
		head := p.bytes(10)
		if head[1] != length64 {
			t.Fatalf("got %x", head)
		}
		for range size / 4096 {
			time.Sleep(settings.WriteTimeout - settings.WriteTimeout/takenChecks)
			p.bytes(4096)
		}
		p.want(opPing, keepalivePing)
		p.send(opPong, keepalivePing)
		src.add(c, opText, "more")
		p.want(opText, "more")
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-r.over
		wantResult(t, c, proxy.CloseNormal)
		m.want("slow_client_closes_total", 0)
	})
}

// TestThePeerHasTimeForThePingBehindAFullSocket fills the socket while a ping waits for its pong: the
// ping lies behind bytes that the peer has not read.
func TestThePeerHasTimeForThePingBehindAFullSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		c, p, _ := accept(t, settings, 1000)
		src := &script{}
		r := serve(c, src, nil)
		time.Sleep(settings.PingInterval - time.Second)
		src.add(c, opBinary, strings.Repeat("x", 900))
		time.Sleep(2 * time.Second) // the ping is in the socket, behind the frame
		src.add(c, opBinary, strings.Repeat("y", 900))
		time.Sleep(3 * settings.PongTimeout)
		p.want(opBinary, strings.Repeat("x", 900))
		time.Sleep(settings.PongTimeout - time.Millisecond)
		p.want(opPing, keepalivePing)
		p.send(opPong, keepalivePing)
		p.want(opBinary, strings.Repeat("y", 900))
		p.want(opPing, keepalivePing)
		_ = p.Close()
		<-r.over
	})
}

// TestAPeerThatReadsALargeSocketSlowlyIsKept has a socket that takes 3 MiB at once, which a peer reads without a stop
// for three times as long as a silent one is kept.
func TestAPeerThatReadsALargeSocketSlowlyIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := testSettings()
		settings.ProbeBytes = 512 << 10
		const messages = 48
		c, p, _ := accept(t, settings, 4<<20)
		src := &script{}
		r := serve(c, src, nil)
		for range messages {
			src.add(c, opBinary, strings.Repeat("x", 64<<10))
			synctest.Wait() // each is written by itself
		}
		pause := 3 * (settings.PingInterval + settings.PongTimeout) / messages
		pings := 0
		for n := 0; n < messages; {
			got, err := p.next()
			if err != nil {
				t.Fatalf("the peer was given up when it had read %d messages: %v", n, err)
			}
			if got.op == opPing {
				pings++
				p.send(opPong, string(got.payload))
				continue
			}
			n++
			time.Sleep(pause)
		}
		if most := messages*(64<<10)/settings.ProbeBytes + 3; pings > most {
			t.Errorf("it was pinged %d times, want at most %d", pings, most)
		}
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-r.over
		wantResult(t, c, proxy.CloseNormal)
	})
}
