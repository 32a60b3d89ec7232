package consume

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
)

const (
	testAddress  = "broker:9092"
	answerLength = 10_000
	fetchKey     = 1
	metadataKey  = 3
)

// link is a connection of a consumer to a broker that a test simulates.
type link struct {
	t       *testing.T
	budget  *budget.Budget
	fetched *fetched
	conn    net.Conn
	broker  net.Conn
	read    chan error // result of the read of the current answer
}

func newLink(t *testing.T) *link {
	t.Helper()
	b := budget.New(800_000)
	f := newFetched(&memory{budget: b})
	f.growth.read(1000, 0) // answers do not grow when they are read
	ours, brokers := net.Pipe()
	l := &link{t: t, budget: b, fetched: f, conn: f.through(testAddress, ours), broker: brokers}
	t.Cleanup(func() { _, _ = l.conn.Close(), brokers.Close() })
	return l
}

// ask writes a request.
func (l *link) ask(api uint16) {
	l.t.Helper()
	request := binary.BigEndian.AppendUint16(make([]byte, 4, 10), api)
	go func() { _, _ = io.ReadFull(l.broker, make([]byte, len(request))) }()
	if _, err := l.conn.Write(request); err != nil {
		l.t.Error(err)
	}
}

// answer has the broker answer, and the consumer read it.
func (l *link) answer(length int) {
	l.t.Helper()
	l.read = make(chan error, 1)
	go func() {
		_, _ = l.broker.Write(binary.BigEndian.AppendUint32(nil, uint32(length)))
		_, _ = l.broker.Write(make([]byte, length))
	}()
	go func() {
		_, err := io.ReadFull(l.conn, make([]byte, 4+length))
		l.read <- err
	}()
	synctest.Wait()
}

// wantRead checks that the answer was read, and with which error.
func (l *link) wantRead(want error) {
	l.t.Helper()
	synctest.Wait()
	select {
	case err := <-l.read:
		if !errors.Is(err, want) {
			l.t.Errorf("reading ended with %v, want %v", err, want)
		}
	default:
		l.t.Error("the answer is not read")
	}
}

func (l *link) wantWaiting() {
	l.t.Helper()
	select {
	case err := <-l.read:
		l.t.Errorf("the answer was read: %v", err)
	default:
	}
}

func (l *link) wantHeld(when string, want int64) {
	l.t.Helper()
	if held := l.budget.Held(budget.Consuming); held != want {
		l.t.Errorf("%s %d are held, want %d", when, held, want)
	}
}

// TestAnswersWaitForRoom holds all of the budget: answers to other requests are read nevertheless, and
// answers to fetches when there is room.
func TestAnswersWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t)
		l.budget.Charge(budget.Consuming, 800_000)
		l.ask(metadataKey)
		l.answer(answerLength)
		l.wantRead(nil)
		l.ask(fetchKey)
		l.answer(smallAnswer)
		l.wantRead(nil)
		l.ask(fetchKey)
		l.answer(answerLength)
		l.wantWaiting()
		l.budget.Release(budget.Consuming, 300_000)
		l.wantRead(nil)
	})
}

// TestAWaitPutsOffTheTimeLimit lets a read wait for room for longer than its deadline.
func TestAWaitPutsOffTheTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t)
		l.budget.Charge(budget.Consuming, 800_000)
		l.ask(fetchKey)
		if err := l.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		l.answer(answerLength)
		time.Sleep(time.Minute)
		l.wantWaiting()
		l.budget.Release(budget.Consuming, 300_000)
		l.wantRead(nil)
	})
}

// TestWaitsAreInterrupted ends a wait before there is room, in each way that is possible.
func TestWaitsAreInterrupted(t *testing.T) {
	for name, interrupt := range map[string]func(*link) error{
		"the read is given up":     func(l *link) error { return l.conn.SetReadDeadline(time.Now()) },
		"the connection is closed": func(l *link) error { return l.conn.Close() },
		"the consumer ends":        func(l *link) error { l.fetched.stop(); return nil },
	} {
		for when, before := range map[string]bool{"before it begins": true, "meanwhile": false} {
			t.Run(name+" "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					l := newLink(t)
					l.budget.Charge(budget.Consuming, 800_000)
					l.ask(fetchKey)
					if before && name != "the consumer ends" {
						conn, _ := l.conn.(*fetchConn)
						_, _ = interrupt(l), conn
						if there := conn.awaitRoom(answerLength); there {
							t.Error("there is room")
						}
						return
					}
					l.answer(answerLength)
					l.wantWaiting()
					if err := interrupt(l); err != nil {
						t.Fatal(err)
					}
					l.wantRead(os.ErrDeadlineExceeded)
					l.wantHeld("afterwards", 800_000)
				})
			})
		}
	}
}

// TestWhatIsHeld follows the held bytes of fetches from the answer until their records were polled.
func TestWhatIsHeld(t *testing.T) {
	metadata := kgo.BrokerMetadata{Host: "broker", Port: 9092}
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t)
		l.fetched.begin()
		l.ask(fetchKey)
		l.answer(answerLength)
		l.wantRead(nil)
		l.wantHeld("when it was read", answerLength)
		l.fetched.read(metadata, kgo.FetchBatchMetrics{NumRecords: 10, UncompressedBytes: 50_000, CompressedBytes: answerLength, CompressionType: 1})
		l.wantHeld("with what it became", answerLength+50_000+10*recordCost)
		l.fetched.end()
		const of = 50_000
		first := int64(of) + 10*recordCost
		l.wantHeld("without what it was before", first)

		l.fetched.begin() // some of its records were polled
		l.fetched.end()
		l.wantHeld("while some is left", first)
		l.fetched.begin()
		l.fetched.end()
		l.ask(fetchKey) // the rest was polled
		l.wantHeld("while the last of it is written", first)
		l.fetched.begin()
		l.wantHeld("when that is through", 0)

		l.answer(smallAnswer) // no new records
		l.wantRead(nil)
		if holders := l.fetched.memory.holders.Load(); holders != 0 {
			t.Errorf("%d hold something", holders)
		}
	})
}

// TestAPollThatWaitsHoldsNothing lets franz-go send a fetch only after the next poll has begun to wait.
func TestAPollThatWaitsHoldsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t)
		l.fetched.begin()
		l.ask(fetchKey)
		l.answer(answerLength)
		l.wantRead(nil)
		l.fetched.end()
		l.fetched.begin()
		l.ask(fetchKey)
		l.wantHeld("until the broker answers", answerLength)
		l.answer(smallAnswer)
		l.wantRead(nil)
		l.wantHeld("when it has answered", 0)
	})
}

// TestRoomIsForWhatAnAnswerBecomes uses batches that expand ten times.
func TestRoomIsForWhatAnAnswerBecomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t)
		l.fetched.growth.read(1_000_000, 10_000_000)
		l.budget.Charge(budget.Consuming, 450_000)
		l.ask(fetchKey)
		l.answer(15_000)
		l.wantWaiting()
		l.budget.Release(budget.Consuming, 50_000)
		l.wantRead(nil)
	})
}

func TestGrowth(t *testing.T) {
	all := new(growth)
	one, other := growth{of: all}, growth{of: all}
	want := func(what string, g *growth, want int64) {
		t.Helper()
		if got := g.expect(1000); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	want("nothing is known", &one, 1000*firstGrowth)
	all.read(100, 300)
	want("others have read", &one, 3000)
	one.read(100, 500)
	want("it has read", &one, 5000)
	want("another has not", &other, 3000)
	for range 20 {
		one.read(rememberedBytes, 0)
	}
	want("long ago", &one, 0)
}

// TestFetchesShrinkWithTheirNumber checks how many bytes a fetch requests.
func TestFetchesShrinkWithTheirNumber(t *testing.T) {
	m := &memory{budget: budget.New(8 << 20)} // six MiB are for records
	f := newFetched(m)
	want := func(what string, want int64) {
		t.Helper()
		if got := f.size(); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	want("alone", 3<<20)
	m.holders.Store(3)
	want("of three", 1<<20)
	f.of("a:1")
	f.of("b:1")
	want("of three, from two brokers", 1<<19)
	m.budget.Charge(budget.Producing, 5<<20) // four MiB more than its reserved part
	want("beside producers", 2<<20/12)
}

func TestClosingGivesEverythingBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLink(t)
		l.ask(fetchKey)
		l.answer(answerLength)
		l.wantRead(nil)
		l.fetched.stop()
		l.ask(fetchKey)
		l.answer(answerLength)
		l.wantRead(nil)
		l.fetched.close()
		l.fetched.read(kgo.BrokerMetadata{Host: "broker", Port: 9092}, kgo.FetchBatchMetrics{NumRecords: 10})
		l.wantHeld("afterwards", 0)
	})
}
