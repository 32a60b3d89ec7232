package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/test/stopwatch"
)

func TestKeepAliveSilentClientIsPingedAndDropped(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "PING_INTERVAL=100ms", "PONG_TIMEOUT=300ms")
		for _, path := range []string{"/socket/in", "/socket/out"} {
			began := time.Now()
			c := p.raw(t, target(path, topic, nil))
			if op, _ := c.read(); op != opPing || time.Since(began) < 100*time.Millisecond {
				t.Errorf("%s: a frame of opcode %d after %v", path, op, time.Since(began))
			}
			if op, payload, err := c.next(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: got a frame of opcode %d, %q, %v, want the end of the connection", path, op, payload, err)
			}
			if took := time.Since(began); took < 400*time.Millisecond {
				t.Errorf("%s: dropped after %v", path, took)
			}
		}
		eventually(t, "the connections are gone", func() bool {
			return p.metric(t, `wsproxy_connections{direction="in",payload="json"}`) == 0 &&
				p.metric(t, `wsproxy_connections{direction="out",payload="json"}`) == 0
		})
	})
}

func TestKeepAliveClientThatAnswersStays(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		c := k.start(t, "PING_INTERVAL=50ms", "PONG_TIMEOUT=2s").raw(t, target("/socket/in", k.topic(t, 1), nil))
		for range 10 {
			c.send(opPong, c.until(opPing))
		}
		c.send(opText, `{"value":null}`)
		if a := parse[answer](t, c.message()); a.Error != nil {
			t.Errorf("got %+v", a)
		}
	})
}

func TestKeepAliveClientThatSendsIsNotPinged(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		c := k.start(t, "PING_INTERVAL=3s", "PONG_TIMEOUT=3s").raw(t, target("/socket/in", k.topic(t, 1), nil))
		for began := time.Now(); time.Since(began) < 4*time.Second; {
			c.send(opText, `{}`)
			if op, payload := c.read(); op != opText {
				t.Fatalf("got a frame of opcode %d, %q", op, payload)
			}
		}
	})
}

func TestKeepAliveClientsPingsAreAnswered(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		for _, path := range []string{"/socket/in", "/socket/out"} {
			c := k.run(t).raw(t, target(path, topic, nil))
			for _, payload := range []string{"", "hello", string(make([]byte, 125))} {
				c.send(opPing, payload)
				if got := c.until(opPong); got != payload {
					t.Errorf("%s: a ping of %q is answered by %q", path, payload, got)
				}
			}
		}
	})
}

func TestClientsCloseIsAnswered(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		for _, path := range []string{"/socket/in", "/socket/out"} {
			for _, payload := range []string{"", "\x03\xe8", "\x03\xe8bye", "\x0f\xa0"} {
				c := k.run(t).raw(t, target(path, topic, nil))
				c.send(opClose, payload)
				got := c.until(opClose)
				if len(payload) >= 2 && (len(got) < 2 || got[:2] != payload[:2]) {
					t.Errorf("%s: a close with %q is answered by %q", path, payload, got)
				}
				if _, _, err := c.next(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%s: the connection is open after the close handshake: %v", path, err)
				}
			}
		}
	})
}

// shutdown shuts a proxy down in the background; the function returned waits for that.
func (p *proxy) shutdown() (wait func()) {
	var group sync.WaitGroup
	group.Go(p.app.Shutdown)
	return group.Wait
}

func TestDrainFinishesAcknowledgementsAndLosesNone(t *testing.T) {
	const before, most = 200, 20_000
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 3)
		p := k.start(t)
		c := p.in(t, topic)
		go func() {
			for i := range most {
				if c.write(websocket.MessageText, fmt.Sprintf(`{"value":{"value":"%d"}}`, i)) != nil {
					return
				}
			}
		}()
		places := make(map[string]int)
		count := 0
		note := func(a answer) {
			if a.Error != nil {
				t.Fatalf("got %+v", a.Error)
			}
			places[place(a.Partition, a.Offset)] = count
			count++
		}
		for range before {
			note(c.ack())
		}
		wait := p.shutdown()
		for _, frame := range c.ended(1012) {
			note(parse[answer](t, frame))
		}
		wait()
		wantInPlace(t, k, topic, places) // as many records as answers: nothing unanswered was written
	})
}

func TestDrainCommitsWhatWasDelivered(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 2), k.group()
		k.produce(t, topic, numbered(0, 1, 1, 0)...)
		// After the first ping, only the drain's own comes in time.
		p := k.start(t, "CONSUMER_COMMIT_INTERVAL=1h")
		c := p.raw(t, target("/socket/out", topic, []string{"groupId=" + group}))
		c.message()
		c.send(opPong, c.until(opPing))
		k.awaitCommit(t, group, topic, 1)
		k.produce(t, topic, numbered(1, 100, 2, 0)...)
		for range 100 {
			c.until(opText)
		}
		wait := p.shutdown()
		defer wait()
		c.send(opPong, c.until(opPing))
		if code := c.closeCode(); code != 1012 {
			t.Errorf("closed with %d", code)
		}
		c.send(opClose, "\x03\xf4")
		wait()
		if at := k.committed(t, group, topic); at[0] != 51 || at[1] != 50 || k.members(t, group) != 0 {
			t.Errorf("committed %v, and the group has %d members", at, k.members(t, group))
		}
	})
}

func TestDrainRefusesNewSocketsAndWaitsForTheOldOnes(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 10, 1, 0)...)
		p := k.start(t, "SHUTDOWN_GRACE=30s")
		c := p.raw(t, target("/socket/out", topic, []string{"groupId=" + group}))
		ping := c.until(opPing) // not answered yet: the drain waits
		wait := p.shutdown()
		defer wait()
		path := target("/socket/in", topic, nil)
		var got response
		eventually(t, "new sockets are refused", func() bool {
			got = p.upgrade(t, path)
			return got.status != http.StatusSwitchingProtocols
		})
		if f := got.failure(t); got.status != 503 || f.Code != "SHUTTING_DOWN" || got.header.Get("Retry-After") == "" {
			t.Errorf("got %d %+v, Retry-After %q", got.status, f, got.header.Get("Retry-After"))
		}
		if frames := p.dial(t, path+"&handshakeErrors=close").ended(1012); len(frames) != 1 {
			t.Errorf("got %v", frames)
		}
		if status, body := p.readiness(t); status != 503 || body.Checks["draining"] == "ok" {
			t.Errorf("/readyz: %d %+v", status, body)
		}
		c.send(opPong, ping)
		if code := c.closeCode(); code != 1012 {
			t.Errorf("closed with %d", code)
		}
		c.send(opClose, "\x03\xf4")
		wait()
		if got := k.committed(t, group, topic)[0]; got != 10 {
			t.Errorf("committed %d, want 10", got)
		}
	})
}

// TestDrainReleasesClaims reconnects a client through another replica, for which the old connection must
// no longer count.
func TestDrainReleasesClaims(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		settings := []string{"SESSION_STATE_TOPIC=" + shared.run + "." + unique("sessions"), "SESSION_LEASE=1m", "KAFKA_PRODUCER_SESSIONS_ENABLED=true"}
		first, second := k.start(t, settings...), k.start(t, settings...)
		paths := []string{
			target("/socket/out", topic, []string{"groupId=" + group, "clientId=c", "onConflict=reject"}),
			target("/socket/in", topic, []string{"instanceId=i", "clientId=c", "onConflict=reject"}),
		}
		var wait sync.WaitGroup
		for _, path := range paths {
			c := first.dial(t, path)
			eventually(t, "the claim is known to the other replica", func() bool { return second.upgrade(t, path).status == 409 })
			wait.Go(func() { c.ended(1012) })
		}
		first.app.Shutdown()
		wait.Wait()
		if got := k.members(t, group); got != 0 {
			t.Errorf("the group has %d members", got)
		}
		for _, path := range paths {
			eventually(t, "the claim is released, long before its lease is over", func() bool {
				return second.upgrade(t, path).status == http.StatusSwitchingProtocols
			})
		}
	})
}

func TestDrainServesEverybodyForTheDelay(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		p := k.start(t, "DRAIN_DELAY=5s")
		p.awaitReady(t, true)
		c := p.in(t, topic)
		began := time.Now()
		wait := p.shutdown()
		p.awaitReady(t, false)
		c.send(`{"value":null}`)
		c.ack()
		second := p.in(t, topic)
		second.send(`{"value":null}`)
		second.ack()
		c.ended(1012)
		if took := time.Since(began); took < 5*time.Second {
			t.Errorf("the socket was closed after %v", took)
		}
		second.ended(1012)
		wait()
	})
}

func TestDrainDoesNotWaitForAClientThatNeverReads(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 8000, 1, 1000)...)
		p := k.start(t, "SHUTDOWN_GRACE=3s")
		c := p.raw(t, target("/socket/out", topic, []string{"groupId=" + group}))
		c.until(opText)
		watch := stopwatch.Start(t)
		p.app.Shutdown()
		if took := watch.Elapsed(); took > 10*time.Second {
			t.Errorf("the shutdown took %v with a grace of 3s", took)
		}
		if got := k.committed(t, group, topic); len(got) != 0 {
			t.Errorf("committed %v for a client that did not read", got)
		}
	})
}

func TestClientThatTakesNothingIsClosedAfterTheWriteTimeout(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 8000, 1, 1000)...)
		p := k.start(t, "WRITE_TIMEOUT=1s")
		c := p.raw(t, target("/socket/out", topic, []string{"groupId=" + group}))
		c.until(opText)
		eventually(t, "the close is counted", func() bool {
			return p.metric(t, `wsproxy_connections_closed_total{code="1013",direction="out"}`) == 1 &&
				p.metric(t, `wsproxy_slow_client_closes_total`) == 1
		})
		eventually(t, "the group is empty", func() bool { return k.members(t, group) == 0 })
		if got := k.committed(t, group, topic); len(got) != 0 {
			t.Errorf("committed %v for a client that did not read", got)
		}
	})
}
