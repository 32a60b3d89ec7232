package socket

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// budgeted are settings with a memory budget, and no pings that a peer would have to answer.
func budgeted(size int64) (Settings, *budget.Budget) {
	s := quietSettings()
	s.Budget = budget.New(size)
	return s, s.Budget
}

func wantBudget(t *testing.T, b *budget.Budget, k budget.Kind, want int64) {
	t.Helper()
	synctest.Wait()
	if held := b.Held(k); held != want {
		t.Errorf("%d bytes of kind %s are held, want %d", held, k, want)
	}
}

// TestMessagesWaitForTheMemoryBudget has the whole budget held: a message is not produced until there is
// room, and is answered TIMEOUT in time meanwhile.
func TestMessagesWaitForTheMemoryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := budgeted(1 << 20)
		b.Charge(budget.Producing, 1<<20)
		c, p, _ := accept(t, s, bufferSize)
		kafka := &producer{}
		over := serveIn(c, inOptions(kafka))
		p.send(opText, produce("late", "1"))
		p.send(opText, produce("b", "2"))
		time.Sleep(29 * time.Second)
		synctest.Wait()
		if got := kafka.got(); len(got) != 0 {
			t.Errorf("%q was produced", got)
		}
		p.wantAnswers("late:TIMEOUT")
		b.Release(budget.Producing, 1<<20)
		synctest.Wait()
		if got := kafka.got(); fmt.Sprint(got) != "[2]" {
			t.Errorf("%q was produced", got)
		}
		kafka.ack(0)
		p.wantAnswers("b:0")
		wantBudget(t, b, budget.Producing, 0)
		_ = p.Close()
		<-over
	})
}

// TestMemoryOfMessages checks the memory held for a long message and a short one, with connections that
// end at different times.
func TestMemoryOfMessages(t *testing.T) {
	long := produce("l", strings.Repeat("x", 100_000))
	short := produce("s", "x")
	for name, test := range map[string]struct {
		message  string
		inFlight int64 // until Kafka has acknowledged it
		answered int64 // and until its answer is written
	}{
		"long":  {long, copiesInFlight*int64(len(long)) + recordCost + entryCost + 1, entryCost + 1},
		"short": {short, copiesInFlight*int64(len(short)) + recordCost + entryCost + 1, copiesInFlight*int64(len(short)) + recordCost + entryCost + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Run("acknowledged", func(t *testing.T) { memoryOf(t, test.message, test.inFlight, test.answered, false) })
			t.Run("cut before it is", func(t *testing.T) { memoryOf(t, test.message, test.inFlight, test.answered, true) })
		})
	}
}

func memoryOf(t *testing.T, message string, inFlight, answered int64, cut bool) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, b := budgeted(64 << 20)
		c, p, _ := accept(t, s, 16) // which holds no answer completely
		kafka := &producer{}
		over := serveIn(c, inOptions(kafka))
		p.send(opText, message)
		wantBudget(t, b, budget.Producing, inFlight)
		if cut {
			_ = p.Close()
			<-over
			if kept := b.Held(budget.Producing); kept == 0 {
				t.Error("nothing is held, and Kafka's client has the message")
			}
			kafka.ack(0)
			wantBudget(t, b, budget.Producing, 0)
			return
		}
		kafka.ack(0)
		wantBudget(t, b, budget.Producing, answered)
		p.answers()
		wantBudget(t, b, budget.Producing, 0)
		_ = p.Close()
		<-over
	})
}

// TestLongMessagesAreReadWhenThereIsRoom has two clients send a long message while the budget has room
// for one.
func TestLongMessagesAreReadWhenThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := budgeted(16 << 20)
		b.Charge(budget.Receiving, 12<<20-s.MaxMessageBytes*copiesWhileRead)
		message := strings.Repeat("x", 500_000)
		first, one, _ := accept(t, s, bufferSize)
		firstRead := serve(first, &script{}, nil)
		_, _ = one.Write(clientFrame(finalFragment|byte(opBinary), message)[:300_000])
		second, other, _ := accept(t, s, bufferSize)
		secondRead := serve(second, &script{}, nil)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			other.send(opBinary, message)
			other.send(opBinary, "short")
		}()
		wantBudget(t, b, budget.Receiving, 12<<20)
		time.Sleep(time.Hour) // the peer's silence does not count
		if got := len(secondRead.got()); got != 0 {
			t.Errorf("%d messages were read", got)
		}
		_, _ = one.Write(clientFrame(finalFragment|byte(opBinary), message)[300_000:])
		one.send(opBinary, "short")
		<-sent
		wantBudget(t, b, budget.Receiving, 12<<20-s.MaxMessageBytes*copiesWhileRead)
		for _, end := range []*peer{one, other} {
			_ = end.Close()
		}
		<-firstRead.over
		<-secondRead.over
		if one, other := len(firstRead.got()), len(secondRead.got()); one != 2 || other != 2 {
			t.Errorf("%d and %d messages were read", one, other)
		}
		wantBudget(t, b, budget.Receiving, 12<<20-s.MaxMessageBytes*copiesWhileRead)
	})
}

// TestReadersThatWaitForRoomEnd cuts a connection whose reader waits.
func TestReadersThatWaitForRoomEnd(t *testing.T) {
	for name, kind := range map[string]budget.Kind{"to read": budget.Receiving, "to produce": budget.Producing} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, b := budgeted(16 << 20)
				b.Charge(kind, 16<<20)
				c, p, _ := accept(t, s, 1<<20)
				over := serveIn(c, inOptions(&producer{}))
				p.send(opText, produce("a", strings.Repeat("x", 100_000)))
				synctest.Wait()
				c.End(Ending{Code: proxy.CloseServiceRestart})
				p.wantClose(proxy.CloseServiceRestart)
				_ = p.Close()
				<-over
				wantBudget(t, b, kind, 16<<20)
			})
		})
	}
}

// TestWriteBuffersAreCharged has a peer that does not read, then does.
func TestWriteBuffersAreCharged(t *testing.T) {
	for name, test := range map[string]struct {
		held int64 // by others
		kept bool
	}{"memory is there": {0, true}, "memory is scarce": {9 << 20, false}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, b := budgeted(16 << 20)
				b.Charge(budget.Consuming, test.held)
				c, p, _ := accept(t, s, 1000)
				frames := new(script)
				r := serve(c, frames, nil)
				frames.add(c, opText, strings.Repeat("x", 100_000))
				synctest.Wait()
				if held := b.Held(budget.Writing); held < 100_000 {
					t.Errorf("%d bytes are held while they are written", held)
				}
				if _, err := p.next(); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				if kept := b.Held(budget.Writing) > 0; kept != test.kept {
					t.Errorf("the buffer is kept: %t", kept)
				}
				_ = p.Close()
				<-r.over
				wantBudget(t, b, budget.Writing, 0)
			})
		})
	}
}
