package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// consumer is a Consumer whose polls and commits are controlled by a test.
type consumer struct {
	owner  proxy.Owner
	polls  chan []proxy.Record
	fails  chan error        // ends polling
	commit func(n int) error // where set, called for each commit, counted from 0
	starts map[int32]int64   // assigned while joining
	fresh  bool              // whether the group has yet to commit the starts
	most   int               // of the last poll
	mu     sync.Mutex        // guards what follows
	tries  int               // number of commits requested
	done   map[int32]int64   // the group's positions
	owned  map[int32]bool
	closed bool
	left   bool           // the group, when it was closed
	polled []proxy.Record // the rest of a poll
}

func newConsumer(partitions ...int32) *consumer {
	c := &consumer{
		polls: make(chan []proxy.Record, 100), fails: make(chan error, 1),
		starts: map[int32]int64{}, done: map[int32]int64{}, owned: map[int32]bool{},
	}
	for _, partition := range partitions {
		c.starts[partition] = 0
	}
	return c
}

func (c *consumer) open(owner proxy.Owner) (Consumer, error) {
	c.mu.Lock()
	c.owner = owner
	c.mu.Unlock()
	c.assign(c.starts)
	return c, nil
}

func (c *consumer) assign(starts map[int32]int64) {
	c.mu.Lock()
	for partition := range starts {
		c.owned[partition] = true
	}
	owner := c.owner
	c.mu.Unlock()
	began := make(map[int32]proxy.Start, len(starts))
	for partition, offset := range starts {
		began[partition] = proxy.Start{Offset: offset, Commit: c.fresh}
	}
	owner.Assigned(began)
}

// revoke revokes partitions, after committing the positions that their owner returns.
func (c *consumer) revoke(ctx context.Context, partitions ...int32) {
	c.mu.Lock()
	owner := c.owner
	c.mu.Unlock()
	commits := owner.Revoked(ctx, partitions)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, next := range commits {
		c.done[next.Partition] = next.Offset
	}
	for _, partition := range partitions {
		delete(c.owned, partition)
	}
}

func (c *consumer) Poll(ctx context.Context, most int, into []proxy.Record, taken func()) ([]proxy.Record, error) {
	c.mu.Lock()
	c.most = most
	c.mu.Unlock()
	if len(c.polled) == 0 {
		select {
		case c.polled = <-c.polls:
		case err := <-c.fails:
			return into, err
		case <-ctx.Done():
			return into, ctx.Err()
		}
	}
	taken()
	n := min(most, len(c.polled))
	into = append(into, c.polled[:n]...)
	if c.polled = c.polled[n:]; len(c.polled) == 0 {
		c.polled = nil
	}
	return into, nil
}

func (c *consumer) Commit(_ context.Context, positions []proxy.Next) error {
	c.mu.Lock()
	n := c.tries
	c.tries++
	c.mu.Unlock()
	if c.commit != nil {
		if err := c.commit(n); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, next := range positions {
		if !c.owned[next.Partition] || next.Offset < c.done[next.Partition] {
			return fmt.Errorf("commit of %+v: owned %v, positions %v", next, c.owned, c.done)
		}
		c.done[next.Partition] = next.Offset
	}
	return nil
}

func (c *consumer) Close(ctx context.Context, leave bool) {
	c.mu.Lock()
	var owned []int32
	for partition := range c.owned {
		owned = append(owned, partition)
	}
	c.mu.Unlock()
	c.revoke(ctx, owned...)
	c.closed, c.left = true, leave
}

func (c *consumer) position(partition int32) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done[partition]
}

func (c *consumer) attempts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tries
}

// feed has the next poll return records of a partition.
func (c *consumer) feed(partition int32, from, to int64) {
	var records []proxy.Record
	for offset := from; offset < to; offset++ {
		records = append(records, proxy.Record{Partition: partition, Offset: offset, Timestamp: stamp(offset), Value: []byte("v")})
	}
	c.polls <- records
}

func outOptions(c *consumer) OutOptions {
	return OutOptions{
		Topic: "t", Codec: codec.NewJSONOut(codec.OutSettings{Topic: "t"}), Open: c.open,
		AutoCommit: true, CommitInterval: time.Second, Log: slog.New(slog.DiscardHandler),
	}
}

func manualOptions(c *consumer) OutOptions {
	o := outOptions(c)
	o.AutoCommit = false
	return o
}

func serveOut(c *Conn, o OutOptions) (over chan struct{}) {
	over = make(chan struct{})
	go func() {
		defer close(over)
		ServeOut(c, o)
	}()
	return over
}

func id(partition int32, offset int64) string {
	return proxy.Position{Topic: "t", Partition: partition, Offset: offset, Timestamp: stamp(offset)}.String()
}

// wantRecords reads the records of a partition, and returns the payloads of the pings among
// them.
func (p *peer) wantRecords(partition int32, from, to int64) (pings []string) {
	p.t.Helper()
	for offset := from; offset < to; {
		frame, err := p.next()
		if err == nil && frame.op == opPing {
			pings = append(pings, string(frame.payload))
			continue
		}
		var record struct{ WsProxyMessageID string }
		if err != nil || json.Unmarshal(frame.payload, &record) != nil || record.WsProxyMessageID != id(partition, offset) {
			p.t.Fatalf("got %.200q, %v, want %s", frame.payload, err, id(partition, offset))
		}
		offset++
	}
	return pings
}

// wantPing reads a delivery ping and returns its payload.
func (p *peer) wantPing() string {
	p.t.Helper()
	frame, err := p.next()
	if err != nil || frame.op != opPing || len(frame.payload) != 9 {
		p.t.Fatalf("got %x %.100q, %v, want a delivery ping", frame.op, frame.payload, err)
	}
	return string(frame.payload)
}

func (p *peer) wantError(code, id string) {
	p.t.Helper()
	frame, err := p.next()
	var got struct {
		Error            struct{ Code string }
		WsProxyMessageID string
	}
	if err != nil || json.Unmarshal(frame.payload, &got) != nil || got.Error.Code != code || got.WsProxyMessageID != id {
		p.t.Fatalf("got %.300q, %v, want %s of %q", frame.payload, err, code, id)
	}
}

func (p *peer) commit(partition int32, offset int64) {
	p.send(opText, fmt.Sprintf(`{"wsProxyMessageId":%q}`, id(partition, offset)))
}

func wantPosition(t *testing.T, c *consumer, partition int32, want int64) {
	t.Helper()
	synctest.Wait()
	if got := c.position(partition); got != want {
		t.Errorf("partition %d is committed up to %d, want %d", partition, got, want)
	}
}

func TestRecordsAreDeliveredAndCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0, 1)
		over := serveOut(c, outOptions(kafka))
		kafka.feed(0, 0, 2000) // more than one poll, and than one write
		kafka.feed(1, 5, 10)
		pings := p.wantRecords(0, 0, 2000)
		p.wantRecords(1, 5, 10)
		if len(pings) != 1 {
			t.Fatalf("got %d pings at once", len(pings))
		}
		wantPosition(t, kafka, 0, 0)
		began := time.Now()
		last := p.wantPing()
		wantElapsed(t, began, time.Second, 0)
		wantPosition(t, kafka, 0, 0)
		p.send(opPong, last) // stands for the older one too
		wantPosition(t, kafka, 0, 2000)
		wantPosition(t, kafka, 1, 10)
		m.want("records_delivered_total", 2005)
		m.want("commits_total", 1)
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-over
		if kafka.most != maxPoll {
			t.Errorf("polled for %d", kafka.most)
		}
		if !kafka.left {
			t.Error("the group was not left")
		}
	})
}

func TestNothingIsCommittedForAPeerThatNeverPongs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), 16<<20)
		kafka := newConsumer(0)
		over := serveOut(c, outOptions(kafka))
		began := time.Now()
		for n := range int64(500) {
			kafka.feed(0, 10*n, 10*n+10)
			time.Sleep(300 * time.Millisecond)
		}
		minutes := time.Since(began)
		pings := len(p.wantRecords(0, 0, 5000))
		if pings < 2 || pings > maxPings || pings > int(minutes/time.Second)+1 {
			t.Errorf("there were %d pings in %v", pings, minutes)
		}
		if kafka.attempts() > 0 {
			t.Error("something was committed")
		}
		_ = p.Close()
		<-over
		wantPosition(t, kafka, 0, 0)
	})
}

// TestDraining ends a connection with a record that no ping follows yet: the ping is sent at once, and
// the connection is closed once the pong has come and Kafka has taken the commit.
func TestDraining(t *testing.T) {
	const grace = 20 * time.Second
	for name, test := range map[string]struct {
		pong, commit time.Duration // how long each takes; no pong at all beyond the grace
		closed       time.Duration // until the close frame
		committed    int64
	}{
		"at once":           {0, 0, 0, 3},
		"a late pong":       {5 * time.Second, 0, 5 * time.Second, 3},
		"a slow commit":     {time.Second, 4 * time.Second, 5 * time.Second, 3},
		"no pong":           {time.Hour, 0, grace, 2},
		"a commit too slow": {0, grace + time.Second, grace, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), bufferSize)
				kafka := newConsumer(0)
				over := serveOut(c, outOptions(kafka))
				kafka.feed(0, 0, 2)
				p.wantRecords(0, 0, 2)
				p.send(opPong, p.wantPing())
				wantPosition(t, kafka, 0, 2)
				kafka.feed(0, 2, 3)
				p.wantRecords(0, 2, 3)
				kafka.commit = func(int) error {
					time.Sleep(test.commit)
					return nil
				}
				began := time.Now()
				c.End(drained(grace))
				kafka.feed(0, 3, 4) // is not delivered anymore
				ping := p.wantPing()
				wantElapsed(t, began, 0, 0)
				time.AfterFunc(test.pong, func() { p.send(opPong, ping) })
				if before, _ := p.wantClose(proxy.CloseServiceRestart); len(before) > 0 {
					t.Errorf("got %q before the close frame", before)
				}
				wantElapsed(t, began, test.closed, 0)
				wantPosition(t, kafka, 0, test.committed)
				p.sendClose(1012, "")
				<-over
				wantResult(t, c, proxy.CloseServiceRestart)
				time.Sleep(time.Hour)
			})
		})
	}
}

func TestAFailedCommitIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		kafka.commit = func(n int) error {
			if n < 3 {
				return errors.New("no coordinator")
			}
			return nil
		}
		over := serveOut(c, outOptions(kafka))
		kafka.feed(0, 0, 1)
		p.wantRecords(0, 0, 1)
		p.send(opPong, p.wantPing())
		for n := range 4 {
			wantPosition(t, kafka, 0, 0)
			if got := kafka.attempts(); got != n+1 && n < 3 {
				t.Errorf("%d commits after %d intervals", got, n)
			}
			if n < 3 {
				time.Sleep(time.Second)
			}
			if n == 2 {
				break
			}
		}
		wantPosition(t, kafka, 0, 1)
		m.want("commits_total", 4)
		time.Sleep(time.Hour)
		if got := kafka.attempts(); got != 4 {
			t.Errorf("%d commits", got)
		}
		_ = p.Close()
		<-over
	})
}

func TestStartsAreCommitted(t *testing.T) {
	for _, auto := range []bool{true, false} {
		t.Run(fmt.Sprintf("autoCommit=%t", auto), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), bufferSize)
				kafka := newConsumer()
				kafka.starts = map[int32]int64{0: 42, 1: 0}
				kafka.commit = func(n int) error {
					if n == 0 {
						return errors.New("no coordinator")
					}
					return nil
				}
				o := outOptions(kafka)
				o.AutoCommit, kafka.fresh = auto, true
				o.Open = func(owner proxy.Owner) (Consumer, error) {
					defer time.Sleep(time.Millisecond) // partitions are assigned before Open has returned the consumer
					return kafka.open(owner)
				}
				over := serveOut(c, o)
				time.Sleep(time.Second)
				wantPosition(t, kafka, 0, 0)
				time.Sleep(time.Millisecond)
				wantPosition(t, kafka, 0, 42)
				time.Sleep(time.Hour)
				if got := kafka.attempts(); got != 2 {
					t.Errorf("%d commits", got)
				}
				p.sendClose(1000, "")
				if before, _ := p.wantClose(proxy.CloseNormal); len(before) > 0 {
					t.Errorf("the client is told %q of what it did not ask for", before)
				}
				<-over
			})
		})
	}
}

func TestManualCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0, 1)
		over := serveOut(c, manualOptions(kafka))
		kafka.feed(0, 0, 10)
		kafka.feed(1, 0, 10)
		if pings := append(p.wantRecords(0, 0, 10), p.wantRecords(1, 0, 10)...); len(pings) > 0 {
			t.Errorf("got pings %q", pings)
		}
		p.commit(0, 4)
		wantPosition(t, kafka, 0, 5)
		p.commit(0, 2) // was committed long ago
		p.commit(0, 4)
		p.commit(0, 10)
		p.wantError("UNKNOWN_MESSAGE_ID", id(0, 10))
		p.send(opText, `{"wsProxyMessageId":"t-0-4-1"}`)
		p.wantError("UNKNOWN_MESSAGE_ID", "t-0-4-1")
		p.send(opText, `{"wsProxyMessageId":"u-0-4-1000004"}`)
		p.wantError("UNKNOWN_MESSAGE_ID", "u-0-4-1000004")
		p.send(opText, `{"wsProxyMessageId":"nonsense"}`)
		p.wantError("UNKNOWN_MESSAGE_ID", "nonsense")
		p.send(opText, `{"wsProxyMessageId":""}`)
		if frame, err := p.next(); err != nil || !strings.HasPrefix(string(frame.payload), `{"error":{"code":"UNKNOWN_MESSAGE_ID"`) || !strings.HasSuffix(string(frame.payload), `,"wsProxyMessageId":""}`) {
			t.Errorf("an empty id is answered by %s, %v", frame.payload, err)
		}
		p.send(opText, `{`)
		p.wantError("INVALID_JSON", "")
		p.send(opText, `{"commit":1}`)
		p.wantError("INVALID_MESSAGE", "")

		kafka.revoke(t.Context(), 1)
		p.commit(1, 3)
		p.wantError("NOT_ASSIGNED", id(1, 3))
		wantPosition(t, kafka, 1, 0)

		kafka.commit = func(int) error { return errors.New("secret") }
		p.commit(0, 7)
		p.wantError("COMMIT_FAILED", id(0, 7))
		wantPosition(t, kafka, 0, 5)
		kafka.commit = nil
		p.commit(0, 7)
		wantPosition(t, kafka, 0, 8)

		c.End(drained(time.Minute))
		p.wantClose(proxy.CloseServiceRestart)
		p.commit(0, 8) // until it answers the close frame, a client may commit
		wantPosition(t, kafka, 0, 9)
		p.commit(0, 9)
		p.sendClose(1012, "")
		<-over
		wantPosition(t, kafka, 0, 10)
	})
}

// TestCommitsOfATopicThatHasEnded has Kafka not know the topic anymore. Nothing waits for its positions,
// even if the proxy closes the connection with grace left.
func TestCommitsOfATopicThatHasEnded(t *testing.T) {
	ended := proxy.Errorf(proxy.KindTopicNotFound, "gone")
	for name, auto := range map[string]bool{"autoCommit": true, "own commits": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), bufferSize)
				kafka := newConsumer(0, 1)
				kafka.commit = func(int) error { return ended }
				o := manualOptions(kafka)
				o.AutoCommit = auto
				over := serveOut(c, o)
				kafka.feed(0, 0, 10)
				if auto {
					p.wantRecords(0, 0, 10)
					p.send(opPong, p.wantPing())
				} else {
					p.wantRecords(0, 0, 10)
					p.commit(0, 4)
					p.wantError("UNKNOWN_MESSAGE_ID", id(0, 4))
				}
				time.Sleep(10 * o.CommitInterval)
				synctest.Wait()
				if tries := kafka.attempts(); tries != 1 {
					t.Errorf("%d commits were tried", tries)
				}
				began := time.Now()
				c.End(EndWith(ended, time.Minute))
				p.wantError("TOPIC_NOT_FOUND", "")
				p.wantClose(4404)
				wantElapsed(t, began, 0, 0)
				p.sendClose(4404, "")
				<-over
			})
		})
	}
}

func TestCommitsAreNotTakenUnderAutoCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		over := serveOut(c, outOptions(kafka))
		kafka.feed(0, 0, 1)
		p.wantRecords(0, 0, 1)
		p.wantPing()
		p.commit(0, 0)
		p.wantError("INVALID_MESSAGE", id(0, 0))
		for _, unknown := range []string{id(0, 1), "u-0-0-1", "nonsense", ""} {
			p.send(opText, fmt.Sprintf(`{"wsProxyMessageId":%q}`, unknown))
			p.wantError("INVALID_MESSAGE", unknown)
		}
		wantPosition(t, kafka, 0, 0)
		_ = p.Close()
		<-over
	})
}

func TestRevocation(t *testing.T) {
	for name, test := range map[string]struct {
		pong      time.Duration // after the ping that the revocation causes
		waits     time.Duration
		committed int64
	}{
		"the client answers":     {300 * time.Millisecond, 300 * time.Millisecond, 5},
		"the client is too slow": {time.Minute, revokeWait, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), bufferSize)
				kafka := newConsumer(0, 1)
				o := outOptions(kafka)
				o.CommitInterval = time.Hour
				over := serveOut(c, o)
				kafka.feed(0, 0, 2)
				p.wantRecords(0, 0, 2)
				p.send(opPong, p.wantPing())
				kafka.feed(0, 2, 5)
				p.wantRecords(0, 2, 5)
				synctest.Wait()
				began, revoked := time.Now(), make(chan struct{})
				go func() {
					defer close(revoked)
					kafka.revoke(t.Context(), 0)
				}()
				ping := p.wantPing()
				wantElapsed(t, began, 0, 0)
				late := time.AfterFunc(test.pong, func() { p.send(opPong, ping) })
				<-revoked
				wantElapsed(t, began, test.waits, 0)
				wantPosition(t, kafka, 0, test.committed)

				t.Log("what still comes of the partition is dropped, the other goes on without an early ping")
				kafka.feed(0, 5, 8)
				kafka.feed(1, 0, 3)
				if pings := p.wantRecords(1, 0, 3); len(pings) > 0 {
					t.Errorf("got pings %q", pings)
				}
				time.Sleep(30 * time.Minute)
				late.Stop()
				p.send(opPing, "")
				p.want(opPong, "")
				p.sendClose(1000, "")
				if before, _ := p.wantClose(proxy.CloseNormal); len(before) != 1 || before[0].op != opPing {
					t.Errorf("got %q, want one ping for the records of the other partition", before)
				}
				<-over
				wantPosition(t, kafka, 0, test.committed)
			})
		})
	}
}

// TestRevocationBehindAPing revokes while a ping waits for its pong that covers all records sent: no
// other ping is sent for that, nor an early one afterwards.
func TestRevocationBehindAPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0, 1)
		o := outOptions(kafka)
		o.CommitInterval = time.Hour
		over := serveOut(c, o)
		kafka.feed(0, 0, 2)
		p.wantRecords(0, 0, 2)
		ping := p.wantPing()
		time.AfterFunc(revokeWait/2, func() { p.send(opPong, ping) })
		kafka.revoke(t.Context(), 0)
		wantPosition(t, kafka, 0, 2)
		kafka.feed(1, 0, 2)
		p.wantRecords(1, 0, 2)
		time.Sleep(time.Minute)
		p.send(opPing, "")
		p.want(opPong, "")
		p.sendClose(1000, "")
		if before, _ := p.wantClose(proxy.CloseNormal); len(before) != 1 || before[0].op != opPing {
			t.Errorf("got %q, want one ping for the records of the other partition", before)
		}
		<-over
	})
}

// TestRevocationWaitsForACommit checks that no commit of an ownership goes out after it.
func TestRevocationWaitsForACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		kafka.commit = func(int) error {
			time.Sleep(3 * time.Second)
			return nil
		}
		over := serveOut(c, outOptions(kafka))
		kafka.feed(0, 0, 2)
		p.wantRecords(0, 0, 2)
		p.send(opPong, p.wantPing())
		synctest.Wait()
		began := time.Now()
		kafka.revoke(t.Context(), 0)
		wantElapsed(t, began, 3*time.Second, 0)
		time.Sleep(time.Minute)
		if got := kafka.attempts(); got != 1 || kafka.position(0) != 2 {
			t.Errorf("%d commits, up to %d", got, kafka.position(0))
		}
		_ = p.Close()
		<-over
	})
}

// TestAPartitionThatComesBack revokes a partition and assigns it again while its polled records are
// sent at a low rate. Some of them are dropped in between; if the rest were sent, its pong would
// commit the dropped ones.
func TestAPartitionThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		o := outOptions(kafka)
		o.Rate = limit.NewRate(10)
		over := serveOut(c, o)
		kafka.feed(0, 0, 10)
		synctest.Wait()
		var delivered []string
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for {
				frame, err := p.next()
				if err != nil || frame.op == opClose {
					return
				}
				if frame.op == opPing {
					p.send(opPong, string(frame.payload))
					continue
				}
				var record struct{ WsProxyMessageID string }
				if err := json.Unmarshal(frame.payload, &record); err != nil {
					t.Error(err)
				}
				delivered = append(delivered, record.WsProxyMessageID)
			}
		}()
		time.Sleep(250 * time.Millisecond)
		kafka.revoke(t.Context(), 0)
		was := kafka.position(0)
		time.Sleep(200 * time.Millisecond)
		kafka.assign(map[int32]int64{0: was})
		time.Sleep(10 * time.Second)
		wantPosition(t, kafka, 0, was)
		kafka.feed(0, was, 20)
		time.Sleep(10 * time.Second)
		wantPosition(t, kafka, 0, 20)
		p.sendClose(1000, "")
		<-over
		<-ended
		var want []string
		for offset := range int64(20) {
			want = append(want, id(0, offset))
		}
		if was == 0 || was >= 10 || !slices.Equal(delivered, want) {
			t.Errorf("moved at %d, delivered %q", was, delivered)
		}
	})
}

func TestALostPartitionIsNotCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		over := serveOut(c, outOptions(kafka))
		kafka.feed(0, 0, 5)
		p.wantRecords(0, 0, 5)
		ping := p.wantPing()
		kafka.owner.Lost([]int32{0})
		p.send(opPong, ping)
		wantPosition(t, kafka, 0, 0)
		kafka.feed(0, 5, 6)
		p.sendClose(1000, "")
		if before, _ := p.wantClose(proxy.CloseNormal); len(before) > 0 {
			t.Errorf("got %q", before)
		}
		<-over
		wantPosition(t, kafka, 0, 0)
	})
}

func TestTheRateIsSmooth(t *testing.T) {
	for name, test := range map[string]struct{ perSecond, batch, most, burst int }{
		"slow":             {4, 0, 4, 1},
		"fast":             {500, 0, 500, 50},
		"in small batches": {500, 20, 20, 50},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, m := accept(t, quietSettings(), bufferSize)
				kafka := newConsumer(0)
				o := outOptions(kafka)
				o.Rate, o.Batch, o.CommitInterval = limit.NewRate(test.perSecond), limit.NewBound(test.batch), time.Hour
				over := serveOut(c, o)
				n := int64(10 * test.perSecond)
				kafka.feed(0, 0, n)
				began := time.Now()
				for offset := range n {
					p.wantRecords(0, offset, offset+1)
					if most := time.Since(began).Seconds()*float64(test.perSecond) + float64(test.burst) + 1; float64(offset) > most {
						t.Fatalf("%d records in %v", offset, time.Since(began))
					}
				}
				if took := time.Since(began); took < 9*time.Second || took > 10*time.Second {
					t.Errorf("it took %v", took)
				}
				if throttled := m.value("throttled_seconds_total"); throttled < 9 || throttled > 10 {
					t.Errorf("throttled for %v s", throttled)
				}
				_ = p.Close()
				<-over
				if kafka.most != test.most {
					t.Errorf("polled for %d", kafka.most)
				}
			})
		})
	}
}

func TestPollingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		over := serveOut(c, outOptions(kafka))
		kafka.feed(0, 0, 3)
		p.wantRecords(0, 0, 3)
		ping := p.wantPing()
		kafka.fails <- proxy.Errorf(proxy.KindOffsetOutOfRange, "no offset")
		time.Sleep(failedPollGrace / 2)
		p.send(opPong, ping) // records delivered before still count
		before, _ := p.wantClose(proxy.CloseBadParameter)
		if len(before) != 1 || !strings.Contains(string(before[0].payload), "OFFSET_OUT_OF_RANGE") {
			t.Errorf("got %q", before)
		}
		p.sendClose(4400, "")
		<-over
		wantPosition(t, kafka, 0, 3)
	})
}

func TestJoiningFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		o := outOptions(nil)
		o.Open = func(proxy.Owner) (Consumer, error) {
			return nil, proxy.Errorf(proxy.KindKafkaUnavailable, "no broker")
		}
		over := serveOut(c, o)
		before, _ := p.wantClose(proxy.CloseTryAgainLater)
		if len(before) != 1 || !strings.Contains(string(before[0].payload), "KAFKA_UNAVAILABLE") {
			t.Errorf("got %q", before)
		}
		p.commit(0, 0)
		p.sendClose(1013, "")
		<-over
	})
}

// TestTheResultOfADeadPeer checks that the poller does not take the writer's end for an error
// of its own.
func TestTheResultOfADeadPeer(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			c, p, _ := accept(t, testSettings(), 1000)
			kafka := newConsumer(0)
			kafka.feed(0, 0, 500)
			over := serveOut(c, outOptions(kafka))
			synctest.Wait()
			_ = p.Close()
			<-over
			wantResult(t, c, proxy.CloseAbnormal)
		})
	}
}

// TestASlowClientHoldsBackPolling has a client that reads nothing: no more records are polled than are
// on their way to it.
func TestASlowClientHoldsBackPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := quietSettings()
		c, p, m := accept(t, settings, 1000)
		kafka := newConsumer(0)
		for n := range int64(10) {
			kafka.feed(0, maxPoll*n, maxPoll*(n+1))
		}
		over := serveOut(c, outOptions(kafka))
		began := time.Now()
		time.Sleep(settings.WriteTimeout / 2)
		if left := len(kafka.polls); left != 9 {
			t.Errorf("%d of 10 polls are left", left)
		}
		<-over
		wantElapsed(t, began, settings.WriteTimeout, settings.WriteTimeout/takenChecks)
		wantResult(t, c, proxy.CloseTryAgainLater)
		m.want("slow_client_closes_total", 1)
		wantPosition(t, kafka, 0, 0)
		_ = p.Close()
	})
}

// TestABurstOfRecordsIsGivenBack keeps room for as many records as polls have, and not for those of a
// burst that is over.
func TestABurstOfRecordsIsGivenBack(t *testing.T) {
	for name, test := range map[string]struct {
		length, capacity, want int
	}{
		"busy":               {maxPoll, maxPoll, maxPoll},
		"an eighth":          {maxPoll / 8, maxPoll, maxPoll},
		"after a burst":      {maxPoll/8 - 1, maxPoll, 0},
		"always few":         {1, keptRecords, keptRecords},
		"nothing was polled": {0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := reusable(make([]proxy.Record, test.length, test.capacity))
			if cap(got) != test.want || len(got) != 0 {
				t.Errorf("there is room for %d records, want %d", cap(got), test.want)
			}
		})
	}
}

// TestAnIdleConnectionKeepsNoRecords delivers a burst of records and then one: what held the burst is given back.
func TestAnIdleConnectionKeepsNoRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		over := serveOut(c, manualOptions(kafka))
		kept := feedTracked(kafka, 1000)
		p.wantRecords(0, 0, 1000)
		kafka.feed(0, 1000, 1001)
		p.wantRecords(0, 1000, 1001)
		synctest.Wait()
		runtime.GC()
		if kept.Value() != nil {
			t.Error("a record of the burst is kept")
		}
		_ = p.Close()
		<-over
	})
}

// feedTracked is feed, and returns a pointer to the value of one of the records.
func feedTracked(c *consumer, count int64) weak.Pointer[[1 << 10]byte] {
	value := new([1 << 10]byte)
	var records []proxy.Record
	for offset := range count {
		records = append(records, proxy.Record{Partition: 0, Offset: offset, Timestamp: stamp(offset), Value: value[:1]})
	}
	c.polls <- records
	return weak.Make(value)
}
