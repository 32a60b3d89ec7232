package socket

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// transactor is a Transactor whose transactions a test decides. A value "refused" is refused
// by Check, and a value "missing" has another error than the rest of an aborted transaction.
// Offsets count all records that were ever given.
type transactor struct {
	outcome chan *proxy.Error // of the next transaction
	held    chan *proxy.Error // of the next call of Hold, nil where there is none
	settled chan *proxy.Error // of the next call of Settle, the same

	settling chan struct{} // where set, closed when Settle may return

	mu      sync.Mutex // guards what follows
	batches []string
	by      []time.Duration // the time that each transaction had
	records int
	open    bool // between Commit and Settle
	closed  bool
	faults  []string
}

func newTransactor() *transactor {
	return &transactor{outcome: make(chan *proxy.Error), held: make(chan *proxy.Error, 1), settled: make(chan *proxy.Error, 1)}
}

func (k *transactor) Check(r *proxy.Record) *proxy.Error { return (&producer{}).Check(r) }

func (k *transactor) Hold(context.Context) *proxy.Error { return take(k.held) }

func take(c chan *proxy.Error) *proxy.Error {
	select {
	case e := <-c:
		return e
	default:
		return nil
	}
}

func (k *transactor) Commit(by time.Time, records []*proxy.Record, outcomes []proxy.Outcome) bool {
	var values []string
	for i, r := range records {
		values = append(values, string(r.Value))
		outcomes[i].Ack = proxy.Ack{Offset: int64(k.records + i)}
	}
	k.mu.Lock()
	if k.open || k.closed {
		k.faults = append(k.faults, "Commit before Settle, or after Close")
	}
	k.open = true
	k.records += len(records)
	k.batches = append(k.batches, strings.Join(values, " "))
	k.by = append(k.by, time.Until(by))
	k.mu.Unlock()
	e := <-k.outcome
	for i := range outcomes {
		outcomes[i].Err = e
		if e != nil && values[i] == "missing" {
			outcomes[i].Err = proxy.Errorf(proxy.KindTopicNotFound, "x")
		}
	}
	return e == nil
}

func (k *transactor) Settle(context.Context) *proxy.Error {
	if k.settling != nil {
		<-k.settling
	}
	k.mu.Lock()
	k.open = false
	k.mu.Unlock()
	return take(k.settled)
}

func (k *transactor) Close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed = true
}

func (k *transactor) want(t *testing.T, batches ...string) {
	t.Helper()
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Equal(k.batches, batches) || len(k.faults) > 0 {
		t.Errorf("the transactions are %q, want %q; %q", k.batches, batches, k.faults)
	}
}

// transacting serves a connection in transactions.
func transacting(t *testing.T, change func(*InOptions)) (*peer, *transactor, *meters, chan struct{}) {
	t.Helper()
	c, p, m := accept(t, quietSettings(), bufferSize)
	k := newTransactor()
	o := inOptions(nil)
	if change != nil {
		change(&o)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		ServeInTransactions(c, o, k)
	}()
	synctest.Wait()
	return p, k, m, over
}

func leave(t *testing.T, p *peer, k *transactor, over chan struct{}) {
	t.Helper()
	p.sendClose(1000, "")
	p.wantClose(proxy.CloseNormal)
	<-over
	if !k.closed {
		t.Error("the transactor is not closed")
	}
}

// TestTransactionsHaveWhatWasRead sends messages while a transaction is under way: they are
// one transaction, and a batch is never split.
func TestTransactionsHaveWhatWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, k, m, over := transacting(t, nil)
		p.send(opText, produce("a", "1"))
		k.want(t, "1")
		p.send(opText, produce("b", "2"))
		p.send(opText, "["+produce("c", "3")+","+produce("d", "4")+"]")
		p.send(opText, "[]")
		p.send(opText, produce("e", "5"))
		k.want(t, "1")
		m.want("records_produced_total", 0)
		k.outcome <- nil
		p.wantAnswers("a:0")
		k.want(t, "1", "2 3 4 5")
		k.outcome <- nil
		p.wantAnswers("b:1", "[c:2 d:3]", "[]", "e:4")
		m.want("records_produced_total", 5)
		m.want("in_flight_messages", 0)
		leave(t, p, k, over)
	})
}

// TestAnArrayIsOneTransaction also where it is larger than the window.
func TestAnArrayIsOneTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, k, _, over := transacting(t, func(o *InOptions) { o.MaxInFlight = 2 })
		p.send(opText, "["+produce("a", "1")+","+produce("b", "2")+","+produce("c", "3")+"]")
		p.send(opText, produce("d", "4"))
		k.want(t, "1 2 3")
		k.outcome <- nil
		p.wantAnswers("[a:0 b:1 c:2]")
		k.want(t, "1 2 3", "4")
		k.outcome <- nil
		p.wantAnswers("d:3")
		leave(t, p, k, over)
	})
}

// TestBadMessagesAreNoPartOfATransaction checks that they are answered in their turn, whatever the
// outcome of the transaction.
func TestBadMessagesAreNoPartOfATransaction(t *testing.T) {
	for name, e := range map[string]*proxy.Error{"committed": nil, "aborted": proxy.Errorf(proxy.KindTransactionAborted, "x")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, k, m, over := transacting(t, nil)
				p.send(opText, "["+produce("a", "1")+",7,"+produce("r", "refused")+","+produce("b", "2")+"]")
				p.send(opText, "{")
				k.want(t, "1 2")
				k.outcome <- e
				if e == nil {
					p.wantAnswers("[a:0 :INVALID_MESSAGE r:MESSAGE_TOO_LARGE b:1]", ":INVALID_JSON")
				} else {
					p.wantAnswers("[a:TRANSACTION_ABORTED :INVALID_MESSAGE r:MESSAGE_TOO_LARGE b:TRANSACTION_ABORTED]", ":INVALID_JSON")
				}
				m.want("in_flight_messages", 0)
				leave(t, p, k, over)
			})
		})
	}
}

// TestTheMessageAtFault checks that it has an error of its own, and the other messages of the
// transaction a retriable one.
func TestTheMessageAtFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, k, _, over := transacting(t, nil)
		p.send(opText, "["+produce("a", "1")+","+produce("b", "missing")+","+produce("c", "3")+"]")
		k.outcome <- proxy.Errorf(proxy.KindTransactionAborted, "x")
		p.wantAnswers("[a:TRANSACTION_ABORTED b:TOPIC_NOT_FOUND c:TRANSACTION_ABORTED]")
		leave(t, p, k, over)
	})
}

// TestAnAbortLeavesTheWindowCharged checks it until Kafka's client has released the records.
func TestAnAbortLeavesTheWindowCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, k, m, over := transacting(t, func(o *InOptions) { o.MaxInFlight = 1 })
		k.settling = make(chan struct{})
		for _, id := range []string{"a", "b", "waits in the socket"} {
			p.send(opText, produce(id, id))
		}
		k.want(t, "a")
		k.outcome <- proxy.Errorf(proxy.KindTransactionAborted, "x")
		p.wantAnswers("a:TRANSACTION_ABORTED")
		m.want("in_flight_messages", 1) // read, and waits for the window
		k.want(t, "a")
		close(k.settling)
		k.want(t, "a", "b")
		k.outcome <- nil
		p.wantAnswers("b:1")
		k.outcome <- nil
		p.wantAnswers("waits in the socket:2")
		leave(t, p, k, over)
	})
}

// TestUnknownCommit checks that TIMEOUT is answered, and the next transaction begins after Settle.
func TestUnknownCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, k, m, over := transacting(t, nil)
		p.send(opText, produce("a", "1"))
		k.outcome <- proxy.Errorf(proxy.KindTimeout, "x")
		p.wantAnswers("a:TIMEOUT")
		p.send(opText, produce("b", "2"))
		k.outcome <- nil
		p.wantAnswers("b:1")
		m.want("produce_errors_total", 1)
		leave(t, p, k, over)
	})
}

// TestTransactionsHaveTheirTime gives Kafka most of the delivery timeout. A message that has waited for
// longer is not written, and does not abort the transaction of those that have waited for less.
func TestTransactionsHaveTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, k, m, over := transacting(t, func(o *InOptions) { o.DeliveryTimeout = 8 * time.Second })
		began := time.Now()
		p.send(opText, produce("a", "1"))
		k.want(t, "1")
		p.send(opText, produce("late", "2"))
		time.Sleep(5 * time.Second)
		p.send(opText, produce("c", "3"))
		p.wantAnswers("a:TIMEOUT", "late:TIMEOUT")
		wantElapsed(t, began, 8*time.Second, 0)
		k.outcome <- nil // too late for an answer
		k.want(t, "1", "3")
		k.outcome <- nil
		p.wantAnswers("c:1")
		if k.by[0] != 7*time.Second || k.by[1] != 4*time.Second {
			t.Errorf("the transactions have %v", k.by)
		}
		m.want("in_flight_messages", 0)
		leave(t, p, k, over)
	})
}

// TestLostIdentity closes the connection: waiting messages are answered, and not written.
func TestLostIdentity(t *testing.T) {
	fenced := proxy.Errorf(proxy.KindFenced, "somebody else")
	for name, lose := range map[string]func(*testing.T, *peer, *transactor){
		"in a transaction": func(t *testing.T, p *peer, k *transactor) {
			t.Helper()
			p.send(opText, produce("a", "1"))
			k.want(t, "1")
			p.send(opText, produce("b", "2"))
			synctest.Wait()
			k.settled <- fenced
			k.outcome <- proxy.Errorf(proxy.KindTransactionAborted, "x")
			p.wantAnswers("a:TRANSACTION_ABORTED", "b:FENCED", ":FENCED")
			k.want(t, "1")
		},
		"after a commit": func(t *testing.T, p *peer, k *transactor) {
			t.Helper()
			p.send(opText, produce("a", "1"))
			k.settled <- fenced
			k.outcome <- nil
			p.wantAnswers("a:0", ":FENCED")
		},
		"while it is idle": func(t *testing.T, p *peer, k *transactor) {
			t.Helper()
			k.held <- fenced
			began := time.Now()
			p.wantAnswers(":FENCED")
			wantElapsed(t, began, holdInterval, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, k, m, over := transacting(t, nil)
				lose(t, p, k)
				p.wantClose(proxy.CloseReplaced)
				p.sendClose(4409, "")
				<-over
				m.want("in_flight_messages", 0)
			})
		})
	}
}

// TestWhatWasReadIsWritten commits the messages that a client has sent before it left.
func TestWhatWasReadIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, k, _, over := transacting(t, nil)
		p.send(opText, produce("a", "1"))
		k.want(t, "1")
		p.send(opText, produce("b", "2"))
		_ = p.Close()
		synctest.Wait()
		k.outcome <- nil
		k.outcome <- nil
		<-over
		k.want(t, "1", "2")
	})
}

// TestDrainingFinishesTransactions answers the messages that were read before the close frame.
func TestDrainingFinishesTransactions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		k := newTransactor()
		over := make(chan struct{})
		go func() {
			defer close(over)
			ServeInTransactions(c, inOptions(nil), k)
		}()
		p.send(opText, produce("a", "1"))
		k.want(t, "1")
		p.send(opText, produce("b", "2"))
		synctest.Wait()
		c.End(Ending{Code: proxy.CloseServiceRestart, Grace: time.Minute})
		p.send(opText, produce("c", "3")) // too late
		k.outcome <- nil
		k.outcome <- nil
		p.wantAnswers("a:0", "b:1")
		p.wantClose(proxy.CloseServiceRestart)
		p.sendClose(1012, "")
		<-over
		k.want(t, "1", "2")
	})
}

// TestTransactionsKeepTheOrder has random frames, and an outcome for each transaction.
func TestTransactionsKeepTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, k, m, over := transacting(t, func(o *InOptions) { o.MaxInFlight = 16 })
		var want []string
		go func() {
			for i := range 500 {
				p.send(opText, produce(fmt.Sprint(i), fmt.Sprint(i)))
			}
		}()
		go func() {
			for n := 0; ; n++ {
				select {
				case k.outcome <- map[bool]*proxy.Error{true: proxy.Errorf(proxy.KindTransactionAborted, "x")}[n%3 == 1]:
				case <-over:
					return
				}
			}
		}()
		for i := range 500 {
			got := p.answers()
			want = append(want, got)
			if got != fmt.Sprintf("%d:%d", i, i) && got != fmt.Sprintf("%d:TRANSACTION_ABORTED", i) {
				t.Fatalf("answer %d is %s", i, got)
			}
		}
		aborted := slices.ContainsFunc(want, func(s string) bool { return strings.HasSuffix(s, "ABORTED") })
		if !aborted || len(k.batches) < 500/16 {
			t.Errorf("%d transactions, of which some were aborted: %t", len(k.batches), aborted)
		}
		m.want("in_flight_messages", 0)
		leave(t, p, k, over)
	})
}
