package socket

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// hand is a Worker whose events are controlled by a test.
type hand struct {
	events chan proxy.QueueEvent
	fails  chan error
	calls  chan proxy.Settlement // acknowledgements that were given, without results
	kafka  chan struct{}         // closed when Kafka has taken back what was released
	panics bool                  // at the next acknowledgement

	mu       sync.Mutex // guards what follows
	released time.Time  // when it was first closed
	taken    int        // events
	sent     int        // records that were delivered
	lost     int        // records that are lost before they are delivered
	finished bool       // no records are dealt anymore
}

// newHand returns a Worker from which Kafka takes back what it holds at once.
func newHand() *hand {
	h := &hand{
		events: make(chan proxy.QueueEvent, 1000), fails: make(chan error, 1), calls: make(chan proxy.Settlement, 10_000), kafka: make(chan struct{}),
	}
	close(h.kafka)
	return h
}

func (h *hand) Take(ctx context.Context) (proxy.QueueEvent, error) {
	select {
	case e := <-h.events:
		h.mu.Lock()
		h.taken++
		h.mu.Unlock()
		return e, nil
	case err := <-h.fails:
		return proxy.QueueEvent{}, err
	case <-ctx.Done():
		return proxy.QueueEvent{}, ctx.Err()
	}
}

func (h *hand) Deliver() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost > 0 {
		h.lost--
		return false
	}
	h.sent++
	return true
}

func (h *hand) Settle(_ context.Context, acknowledgement proxy.Acknowledgement, records []proxy.Position) error {
	if h.panics {
		panic("a bug")
	}
	s := proxy.Settlement{Acknowledgement: acknowledgement}
	for _, r := range records {
		s.Results = append(s.Results, proxy.SettledPosition{Position: r})
	}
	h.calls <- s
	return nil
}

func (h *hand) Finish() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.finished = true
}

func (h *hand) Close(ctx context.Context) {
	h.mu.Lock()
	if h.released.IsZero() {
		h.released = time.Now()
	}
	h.mu.Unlock()
	select {
	case <-h.kafka:
	case <-ctx.Done():
	}
}

// wantReleased checks that the worker was closed so long after a time.
func (h *hand) wantReleased(t *testing.T, began time.Time, after time.Duration) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.released.IsZero() || h.released.Sub(began) != after {
		t.Errorf("it was released after %v, want %v", h.released.Sub(began), after)
	}
}

func (h *hand) deal(from, to int64) {
	var e proxy.QueueEvent
	for offset := from; offset < to; offset++ {
		e.Deliveries = append(e.Deliveries, proxy.Delivery{Record: proxy.Record{Offset: offset, Timestamp: 9, Value: []byte("v")}, Count: 1, Until: 77})
	}
	h.events <- e
}

// answer has the next call answered by results in its order; further records have the last one.
func (h *hand) answer(results ...proxy.SettleResult) {
	s := <-h.calls
	for i := range s.Results {
		s.Results[i].Result = results[min(i, len(results)-1)]
	}
	if s.Acknowledgement == proxy.Renew && len(s.Results) > 0 {
		s.Until = 88
	}
	h.events <- proxy.QueueEvent{Settlement: &s}
}

// serveQueue serves a worker, and passes on with what it has panicked.
func serveQueue(c *Conn, h *hand, change func(*QueueOptions)) (over chan any) {
	o := QueueOptions{Topic: "t", Codec: codec.NewQueue(codec.OutSettings{Topic: "t"}), Worker: h, Confirm: true}
	if change != nil {
		change(&o)
	}
	over = make(chan any, 1)
	go func() {
		defer func() { over <- recover() }()
		ServeQueue(c, o)
	}()
	return over
}

func queueID(offset int64) string { return fmt.Sprintf("t-0-%d-9", offset) }

func queueIDs(offsets ...int64) string {
	var all []string
	for _, o := range offsets {
		all = append(all, `"`+queueID(o)+`"`)
	}
	return "[" + strings.Join(all, ",") + "]"
}

func (p *peer) wantDeliveries(from, to int64) {
	p.t.Helper()
	for o := from; o < to; o++ {
		p.want(opText, fmt.Sprintf(`{"wsProxyMessageId":"%s","topic":"t","partition":0,"offset":%d,"timestamp":9,`+
			`"value":{"value":"v","format":"string"},"delivery":{"count":1,"until":77}}`, queueID(o), o))
	}
}

func TestRecordsOfAQueueAreDeliveredAndSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand()
		c, p, m := accept(t, quietSettings(), bufferSize)
		over := serveQueue(c, h, nil)
		h.deal(1, 4)
		p.wantDeliveries(1, 4)
		p.send(opText, `{"accept":`+queueIDs(1, 3)+`}`)
		h.answer(proxy.SettleDone)
		p.want(opText, `{"settled":`+queueIDs(1, 3)+`}`)
		p.send(opBinary, `{"renew":"`+queueID(2)+`"}`)
		h.answer(proxy.SettleRenewed)
		p.want(opText, `{"renewed":{"until":88,"ids":`+queueIDs(2)+`}}`)
		h.events <- proxy.QueueEvent{Expired: []proxy.Position{{Topic: "t", Offset: 2, Timestamp: 9}}}
		p.want(opText, `{"expired":`+queueIDs(2)+`}`)
		h.events <- proxy.QueueEvent{Notice: proxy.Errorf(proxy.KindLimitReached, "No more come.")}
		p.want(opText, `{"error":{"code":"LIMIT_REACHED","message":"No more come.","retriable":true}}`)
		m.want("records_delivered_total", 3)
		began := time.Now()
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		h.wantReleased(t, began, 0)
		<-over
	})
}

func TestARecordThatIsLostBeforeItIsSentIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand()
		c, p, m := accept(t, quietSettings(), bufferSize)
		over := serveQueue(c, h, nil)
		h.lost = 2
		h.deal(1, 4)
		p.wantDeliveries(3, 4)
		h.lost = 1
		h.deal(4, 5)
		h.deal(5, 6)
		p.wantDeliveries(5, 6)
		m.want("records_delivered_total", 2)
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-over
	})
}

func TestMessagesOfAWorkerAreAnsweredInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand()
		c, p, _ := accept(t, quietSettings(), bufferSize)
		over := serveQueue(c, h, nil)
		p.send(opText, `{"accept":`+queueIDs(1)+`}`)
		p.send(opText, `{}`)
		p.send(opText, `{"reject":["x",`+queueIDs(2, 3, 4, 5)[1:]+`}`)
		p.send(opText, `[`)
		synctest.Wait()
		h.deal(7, 8)
		p.wantDeliveries(7, 8) // they wait for no answer
		h.answer(proxy.SettleDone)
		h.answer(proxy.SettleDone, proxy.SettleExpired, proxy.SettleFailed, proxy.SettleUnknown)
		p.want(opText, `{"settled":`+queueIDs(1)+`}`)
		p.wantError("INVALID_MESSAGE", "")
		p.wantError("UNKNOWN_MESSAGE_ID", "x")
		p.wantError("LOCK_EXPIRED", queueID(3))
		p.wantError("COMMIT_FAILED", queueID(4))
		p.wantError("UNKNOWN_MESSAGE_ID", queueID(5))
		p.want(opText, `{"settled":`+queueIDs(2)+`}`)
		p.wantError("INVALID_JSON", "")
		p.send(opText, `{"credit":1}`) // none waits anymore
		p.wantError("INVALID_MESSAGE", "")
		_ = p.Close()
		<-over
	})
}

func TestRenewalsOfAWorkerAreAnsweredInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand()
		c, p, _ := accept(t, quietSettings(), bufferSize)
		var tokens []string
		c.OnRenew(renewer(&tokens))
		over := serveQueue(c, h, nil)
		p.send(opText, `{"accept":`+queueIDs(1)+`}`)
		p.send(opText, renewGood)
		synctest.Wait()
		h.answer(proxy.SettleDone)
		p.want(opText, `{"settled":`+queueIDs(1)+`}`)
		p.want(opText, renewed)
		p.send(opText, `{"auth":{"token":"bad"}}`)
		p.wantClose(proxy.CloseNotAuthenticated)
		_ = p.Close()
		<-over
	})
}

func TestSuccessIsSilentWithoutConfirm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand()
		c, p, _ := accept(t, quietSettings(), bufferSize)
		over := serveQueue(c, h, func(o *QueueOptions) { o.Confirm = false })
		p.send(opText, `{"accept":`+queueIDs(1)+`}`)
		h.answer(proxy.SettleDone)
		p.send(opText, `{"release":`+queueIDs(2)+`}`)
		h.answer(proxy.SettleExpired)
		p.wantError("LOCK_EXPIRED", queueID(2))
		_ = p.Close()
		<-over
	})
}

// TestAWorkerThatEndsIsReleased has connections end in each way, with Kafka's answer to the release 3 s late.
func TestAWorkerThatEndsIsReleased(t *testing.T) {
	const late = 3 * time.Second
	for name, test := range map[string]struct {
		end    func(c *Conn, p *peer, h *hand)
		after  time.Duration // until it is released
		closes proxy.CloseCode
	}{
		"the client closes":    {func(_ *Conn, p *peer, _ *hand) { p.sendClose(1000, "") }, 0, proxy.CloseNormal},
		"the client is cut":    {func(_ *Conn, p *peer, _ *hand) { _ = p.Close() }, 0, 0},
		"the client is silent": {func(*Conn, *peer, *hand) {}, 35 * time.Second, 0},
		"the replica drains":   {func(c *Conn, _ *peer, _ *hand) { c.End(drained(5 * time.Second)) }, 0, proxy.CloseServiceRestart},
		"a bug": {func(_ *Conn, p *peer, h *hand) {
			h.panics = true
			p.send(opText, `{"accept":[]}`)
		}, 0, proxy.CloseInternal},
		"the queue fails": {func(_ *Conn, _ *peer, h *hand) { h.fails <- proxy.Errorf(proxy.KindKafkaUnavailable, "gone") }, 0, proxy.CloseTryAgainLater},
		"a violation":     {func(_ *Conn, p *peer, _ *hand) { p.sendFrame(0xFF, "") }, 0, proxy.CloseProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHand()
				h.kafka = make(chan struct{})
				c, p, _ := accept(t, testSettings(), bufferSize)
				over := serveQueue(c, h, nil)
				h.deal(0, 2)
				p.wantDeliveries(0, 2)
				began := time.Now()
				time.AfterFunc(test.after+late, func() { close(h.kafka) })
				test.end(c, p, h)
				if test.closes != 0 {
					p.wantClose(test.closes)
					byProxy := test.closes == proxy.CloseServiceRestart || test.closes == proxy.CloseTryAgainLater
					if took := time.Since(began); byProxy && took != min(late, failedPollGraceOr(test.closes)) {
						t.Errorf("the close frame came after %v", took)
					}
					_ = p.Close()
				}
				if cause := <-over; (cause != nil) != h.panics {
					t.Errorf("it panicked: %v", cause)
				}
				h.wantReleased(t, began, test.after)
				if took := time.Since(began); took != test.after+late {
					t.Errorf("the flow ended after %v, before Kafka has answered", took)
				}
			})
		})
	}
}

// failedPollGraceOr returns how long a close frame waits at most for the release.
func failedPollGraceOr(code proxy.CloseCode) time.Duration {
	if code == proxy.CloseTryAgainLater {
		return failedPollGrace
	}
	return time.Minute
}

func TestADrainTellsTheOutcomeOfAcknowledgementsAndSendsNoRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand()
		c, p, _ := accept(t, quietSettings(), bufferSize)
		over := serveQueue(c, h, nil)
		p.send(opText, `{"accept":`+queueIDs(1)+`}`)
		synctest.Wait()
		began := time.Now()
		c.End(drained(5 * time.Second))
		h.deal(5, 6)
		time.Sleep(300 * time.Millisecond)
		h.answer(proxy.SettleDone)
		p.want(opText, `{"settled":`+queueIDs(1)+`}`)
		if before, _ := p.wantClose(proxy.CloseServiceRestart); len(before) > 0 {
			t.Errorf("before the close frame came %q", before)
		}
		h.wantReleased(t, began, 300*time.Millisecond)
		p.sendClose(1012, "")
		<-over
	})
}

// TestADrainDoesNotTellThatARecordHasExpiredThatItDidNotSend has the lock of a record end that came as the drain began.
func TestADrainDoesNotTellThatARecordHasExpiredThatItDidNotSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand()
		c, p, _ := accept(t, quietSettings(), bufferSize)
		over := serveQueue(c, h, nil)
		p.send(opText, `{"accept":`+queueIDs(1)+`}`)
		synctest.Wait()
		c.End(drained(5 * time.Second))
		synctest.Wait()
		if h.mu.Lock(); !h.finished {
			t.Error("further records may come")
		}
		h.mu.Unlock()
		h.deal(5, 6) // had been taken before
		h.events <- proxy.QueueEvent{Expired: []proxy.Position{{Topic: "t", Offset: 5, Timestamp: 9}}}
		h.answer(proxy.SettleDone)
		p.want(opText, `{"settled":`+queueIDs(1)+`}`)
		p.wantClose(proxy.CloseServiceRestart)
		p.sendClose(1012, "")
		<-over
	})
}

// TestADrainSendsNoRecordThatWaits has a client that read nothing until then: it gets no more than lay in the socket.
func TestADrainSendsNoRecordThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand()
		c, p, _ := accept(t, quietSettings(), 1024)
		over := serveQueue(c, h, nil)
		h.deal(0, 1000)
		synctest.Wait()
		c.End(drained(5 * time.Second))
		if before, _ := p.wantClose(proxy.CloseServiceRestart); len(before) > 600 {
			t.Errorf("before the close frame came %d records", len(before))
		}
		p.sendClose(1012, "")
		<-over
	})
}

// TestAPeerThatDoesNotReadHoldsUpNoRelease has a replica drain while records, or the answer to an acknowledgement, do not fit the socket.
func TestAPeerThatDoesNotReadHoldsUpNoRelease(t *testing.T) {
	for name, test := range map[string]struct {
		fill  func(p *peer, h *hand)
		after time.Duration
	}{
		"records": {func(_ *peer, h *hand) { h.deal(0, 1000) }, 0},
		"an answer": {func(p *peer, h *hand) {
			p.send(opText, `{"accept":"x"}`)
			p.send(opText, `{"accept":["x","x","x","x","x","x","x","x"]}`)
			p.send(opText, `{"accept":["x","x","x","x","x","x","x","x"]}`)
			for range 3 {
				h.answer(proxy.SettleDone)
			}
		}, lastAnswers},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHand()
				c, p, _ := accept(t, quietSettings(), 256)
				over := serveQueue(c, h, nil)
				test.fill(p, h)
				synctest.Wait()
				began := time.Now()
				c.End(drained(15 * time.Second))
				time.Sleep(10 * time.Second)
				h.wantReleased(t, began, test.after)
				_ = p.Close()
				<-over
			})
		})
	}
}

func TestADrainWaitsForAcknowledgementsWithinABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand()
		c, p, _ := accept(t, quietSettings(), bufferSize)
		over := serveQueue(c, h, nil)
		p.send(opText, `{"accept":`+queueIDs(1)+`}`)
		synctest.Wait()
		began := time.Now()
		c.End(drained(5 * time.Second))
		p.wantClose(proxy.CloseServiceRestart)
		h.wantReleased(t, began, lastAnswers)
		p.sendClose(1012, "")
		<-over
	})
}

func TestAWorkersUnansweredMessagesAreBounded(t *testing.T) {
	for name, message := range map[string]string{"messages": `{"accept":[]}`, "bytes": `{"accept":"` + strings.Repeat("x", 1000) + `"}`} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHand()
				c, p, _ := accept(t, quietSettings(), 1<<20)
				over := serveQueue(c, h, nil)
				for range mostTurns + 10 {
					p.send(opText, message)
				}
				synctest.Wait()
				want := min(mostTurns, mostTurnBytes/1000+1)
				if name == "messages" {
					want = mostTurns
				}
				if got := len(h.calls); got != want {
					t.Errorf("%d are unanswered, want %d", got, want)
				}
				for range mostTurns + 10 {
					h.answer(proxy.SettleDone)
				}
				for range mostTurns + 10 {
					if name == "bytes" {
						p.wantError("UNKNOWN_MESSAGE_ID", strings.Repeat("x", 1000))
					}
					p.want(opText, `{"settled":[]}`)
				}
				_ = p.Close()
				<-over
			})
		})
	}
}

func TestASlowWorkerHoldsBackItsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand()
		c, p, _ := accept(t, quietSettings(), 1024)
		over := serveQueue(c, h, nil)
		h.deal(0, 1000)
		h.deal(1000, 1001)
		h.deal(1001, 1002)
		synctest.Wait()
		h.mu.Lock()
		taken := h.taken
		h.mu.Unlock()
		if taken != 1 {
			t.Errorf("%d events were taken by a client that reads nothing", taken)
		}
		p.wantDeliveries(0, 1002)
		_ = p.Close()
		<-over
	})
}

func TestExpiredRecordsAreToldInMessagesThatTheClientTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHand()
		c, p, _ := accept(t, quietSettings(), bufferSize)
		over := serveQueue(c, h, func(o *QueueOptions) { o.Longest = codec.LeastMessageLimit })
		var e proxy.QueueEvent
		for offset := range int64(7) {
			e.Expired = append(e.Expired, proxy.Position{Topic: "t", Offset: offset, Timestamp: 9})
		}
		h.events <- e
		p.want(opText, `{"expired":`+queueIDs(0, 1, 2)+`}`)
		p.want(opText, `{"expired":`+queueIDs(3, 4, 5)+`}`)
		p.want(opText, `{"expired":`+queueIDs(6)+`}`)
		_ = p.Close()
		<-over
	})
}
