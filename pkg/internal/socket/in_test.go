package socket

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/budget"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// producer is a Producer whose acknowledgements a test gives. A value "refused" is refused by
// Check.
type producer struct {
	each func(n int, value string, done proxy.Completion) // where set, called for each record

	mu      sync.Mutex // guards what follows
	values  []string
	waiting []proxy.Completion
}

func (p *producer) Check(r *proxy.Record) *proxy.Error {
	if string(r.Value) == "refused" {
		return proxy.Errorf(proxy.KindMessageTooLarge, "refused")
	}
	return nil
}

func (p *producer) Produce(r *proxy.Record, _ time.Time, done proxy.Completion) {
	p.mu.Lock()
	n := len(p.values)
	p.values = append(p.values, string(r.Value))
	if p.each == nil {
		p.waiting = append(p.waiting, done)
	}
	p.mu.Unlock()
	if p.each != nil {
		p.each(n, string(r.Value), done)
	}
}

func (p *producer) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.values)
}

// ack acknowledges the n-th record, with n as its offset.
func (p *producer) ack(n int) {
	p.mu.Lock()
	done := p.waiting[n]
	p.mu.Unlock()
	done.Done(proxy.Ack{Offset: int64(n)}, nil)
}

func inOptions(p *producer) InOptions {
	return InOptions{
		Topic: "t", Codec: codec.NewJSONIn(codec.InSettings{Topic: "t"}), Producer: p,
		MaxInFlight: 100, DeliveryTimeout: 30 * time.Second,
	}
}

func serveIn(c *Conn, o InOptions) (over chan struct{}) {
	over = make(chan struct{})
	go func() {
		defer close(over)
		ServeIn(c, o)
	}()
	return over
}

// produce returns a message.
func produce(id, value string) string {
	return fmt.Sprintf(`{"messageId":%q,"value":{"value":%q}}`, id, value)
}

// answer is what a client reads of an answer.
type answer struct {
	MessageID string `json:"messageId"`
	Offset    int64  `json:"offset"`
	Error     struct {
		Code string `json:"code"`
	} `json:"error"`
}

// String gives the id, and the offset or the error's code.
func (a answer) String() string {
	if a.Error.Code != "" {
		return a.MessageID + ":" + a.Error.Code
	}
	return fmt.Sprintf("%s:%d", a.MessageID, a.Offset)
}

// answers reads the next frame of answers; those to a batch are in brackets.
func (p *peer) answers() string {
	p.t.Helper()
	frame, err := p.next()
	if err != nil || frame.op != opText {
		p.t.Fatalf("got %x %q, %v, want answers", frame.op, frame.payload, err)
	}
	if frame.payload[0] == '[' {
		var all []answer
		if err := json.Unmarshal(frame.payload, &all); err != nil {
			p.t.Fatalf("%s: %v", frame.payload, err)
		}
		return fmt.Sprint(all)
	}
	var one answer
	if err := json.Unmarshal(frame.payload, &one); err != nil {
		p.t.Fatalf("%s: %v", frame.payload, err)
	}
	return one.String()
}

func (p *peer) wantAnswers(want ...string) {
	p.t.Helper()
	for _, w := range want {
		if got := p.answers(); got != w {
			p.t.Fatalf("got the answer %s, want %s", got, w)
		}
	}
}

func TestAnswers(t *testing.T) {
	type ms = []string
	for name, test := range map[string]struct {
		messages []string
		ack      []int // the order of Kafka's acknowledgements
		want     []string
	}{
		"in order":     {ms{produce("a", "1"), produce("b", "2")}, []int{0, 1}, ms{"a:0", "b:1"}},
		"out of order": {ms{produce("a", "1"), produce("b", "2"), produce("c", "3")}, []int{2, 0, 1}, ms{"a:0", "b:1", "c:2"}},
		"errors have their turn": {
			ms{produce("a", "1"), `{`, produce("r", "refused"), `{"messageId":"x"}`, produce("b", "2")},
			[]int{1, 0},
			ms{"a:0", ":INVALID_JSON", "r:MESSAGE_TOO_LARGE", "x:INVALID_MESSAGE", "b:1"},
		},
		"a batch": {
			ms{"[" + produce("a", "1") + "," + produce("b", "2") + "]"},
			[]int{1, 0},
			ms{"[a:0 b:1]"},
		},
		"a batch with errors": {
			ms{"[" + produce("a", "1") + `,7,` + produce("r", "refused") + "," + produce("b", "2") + "]", produce("c", "3")},
			[]int{2, 1, 0},
			ms{"[a:0 :INVALID_MESSAGE r:MESSAGE_TOO_LARGE b:1]", "c:2"},
		},
		"an empty batch":     {ms{produce("a", "1"), "[]", "[]", produce("b", "2")}, []int{1, 0}, ms{"a:0", "[]", "[]", "b:1"}},
		"nothing but errors": {ms{"", "[1,2]"}, nil, ms{":INVALID_JSON", "[:INVALID_MESSAGE :INVALID_MESSAGE]"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, m := accept(t, quietSettings(), bufferSize)
				kafka := &producer{}
				over := serveIn(c, inOptions(kafka))
				for _, message := range test.messages {
					p.send(opText, message)
				}
				synctest.Wait()
				for _, n := range test.ack {
					kafka.ack(n)
					synctest.Wait()
				}
				p.wantAnswers(test.want...)
				m.want("in_flight_messages", 0)
				m.want("records_produced_total", float64(len(test.ack)))
				p.sendClose(1000, "")
				p.wantClose(proxy.CloseNormal)
				<-over
			})
		})
	}
}

// TestAnswersHaveTheOrderOfTheMessages sends single messages and batches, some of them wrong,
// and acknowledges in any order, from other goroutines and from within Produce. The window
// is small, so that a slot that leaks stops everything.
func TestAnswersHaveTheOrderOfTheMessages(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, m := accept(t, quietSettings(), bufferSize)
				kafka := &shuffler{random: rand.New(rand.NewPCG(seed, 1))}
				o := inOptions(&producer{each: kafka.take})
				o.MaxInFlight = 16
				over := serveIn(c, o)
				messages, want := randomMessages(rand.New(rand.NewPCG(seed, 2)), 300)
				go func() {
					for _, message := range messages {
						p.send(opText, message)
					}
				}()
				for i, w := range want {
					if got := p.answers(); got != w {
						t.Fatalf("answer %d is %s, want %s", i, got, w)
					}
				}
				m.want("in_flight_messages", 0)
				p.sendClose(1000, "")
				p.wantClose(proxy.CloseNormal)
				<-over
				kafka.all.Wait()
			})
		})
	}
}

// randomMessages returns frames, and the answers that must follow.
func randomMessages(random *rand.Rand, n int) (frames, want []string) {
	id := 0
	one := func() (message, answer string) {
		id++
		switch random.IntN(10) {
		case 0:
			return fmt.Sprintf(`{"messageId":"%d","value":1}`, id), fmt.Sprintf("%d:INVALID_MESSAGE", id)
		case 1:
			return produce(fmt.Sprint(id), "refused"), fmt.Sprintf("%d:MESSAGE_TOO_LARGE", id)
		case 2:
			return produce(fmt.Sprint(id), "fails"), fmt.Sprintf("%d:KAFKA_UNAVAILABLE", id)
		default:
			return produce(fmt.Sprint(id), fmt.Sprint(id)), fmt.Sprintf("%d:%d", id, id)
		}
	}
	for range n {
		if random.IntN(4) > 0 {
			message, answer := one()
			frames, want = append(frames, message), append(want, answer)
			continue
		}
		var batch, answers []string
		for range random.IntN(20) { // at most, more than the window holds
			message, answer := one()
			batch, answers = append(batch, message), append(answers, answer)
		}
		frames = append(frames, "["+strings.Join(batch, ",")+"]")
		want = append(want, "["+strings.Join(answers, " ")+"]")
	}
	return frames, want
}

// shuffler acknowledges records in any order and from any goroutine. The offset is the value.
type shuffler struct {
	all sync.WaitGroup

	mu     sync.Mutex // guards what follows
	random *rand.Rand
}

func (s *shuffler) take(_ int, value string, done proxy.Completion) {
	s.mu.Lock()
	wait := time.Duration(s.random.IntN(4)) * time.Duration(s.random.IntN(1000)) * time.Microsecond
	now := s.random.IntN(4) == 0
	s.mu.Unlock()
	finish := func() {
		if value == "fails" {
			done.Done(proxy.Ack{}, fmt.Errorf("producing: %w", proxy.Errorf(proxy.KindKafkaUnavailable, "fails")))
			return
		}
		var offset int64
		_, _ = fmt.Sscan(value, &offset)
		done.Done(proxy.Ack{Offset: offset}, nil)
	}
	if now {
		finish()
		return
	}
	s.all.Go(func() {
		time.Sleep(wait)
		finish()
	})
}

func TestAnUnclassifiedErrorTellsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		over := serveIn(c, inOptions(&producer{each: func(_ int, _ string, done proxy.Completion) {
			done.Done(proxy.Ack{}, errors.New("secret"))
		}}))
		p.send(opText, produce("a", "1"))
		frame, err := p.next()
		if err != nil || !strings.Contains(string(frame.payload), "INTERNAL") || strings.Contains(string(frame.payload), "secret") {
			t.Errorf("got %q, %v", frame.payload, err)
		}
		m.want("produce_errors_total", 1)
		_ = p.Close()
		<-over
	})
}

// TestTheWindowPushesBack has a Kafka that acknowledges nothing: no more than the window is
// read, and each answer lets one more in.
func TestTheWindowPushesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		kafka := &producer{}
		o := inOptions(kafka)
		o.MaxInFlight, o.DeliveryTimeout = 10, time.Hour
		over := serveIn(c, o)
		for i := range 30 {
			p.send(opText, produce(fmt.Sprint(i), fmt.Sprint(i)))
		}
		for n := range 20 {
			synctest.Wait()
			if got := len(kafka.got()); got != 10+n {
				t.Fatalf("%d records are produced after %d answers", got, n)
			}
			m.want("in_flight_messages", 10)
			kafka.ack(n)
			p.wantAnswers(fmt.Sprintf("%d:%d", n, n))
		}
		_ = p.Close()
		<-over
		m.want("in_flight_messages", 0)
		for n := 20; n < 30; n++ {
			kafka.ack(n)
		}
	})
}

// TestAClientWithAllInFlightIsHeard has as many messages in flight as a client may have: its ping is answered,
// and so is its close.
func TestAClientWithAllInFlightIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		kafka := &producer{}
		o := inOptions(kafka)
		o.MaxInFlight = 2
		over := serveIn(c, o)
		p.send(opText, produce("a", "1"))
		p.send(opText, produce("b", "2"))
		m.want("in_flight_messages", 2)
		began := time.Now()
		p.send(opPing, "x")
		p.want(opPong, "x")
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-over
		wantElapsed(t, began, 0, 0)
		kafka.ack(0)
		kafka.ack(1)
	})
}

// TestAClientThatWaitsToBeReadIsNotSilent has a message wait in the socket for longer than a peer may be
// silent.
func TestAClientThatWaitsToBeReadIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, testSettings(), bufferSize)
		kafka := &producer{}
		o := inOptions(kafka)
		o.MaxInFlight, o.DeliveryTimeout = 1, 2*time.Hour
		over := serveIn(c, o)
		p.send(opText, produce("a", "1"))
		p.send(opText, produce("b", "2"))
		time.Sleep(time.Hour)
		synctest.Wait()
		kafka.ack(0)
		p.wantAnswers("a:0")
		synctest.Wait()
		kafka.ack(1)
		p.wantAnswers("b:1")
		_ = p.Close()
		<-over
	})
}

func TestTheWindowCountsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		settings := quietSettings()
		settings.MaxMessageBytes = 8 << 20
		c, p, _ := accept(t, settings, bufferSize)
		kafka := &producer{}
		over := serveIn(c, inOptions(kafka))
		frame := clientFrame(0x81, produce("a", strings.Repeat("x", limit.MaxBytes/4)))
		go func() {
			for range 5 {
				_, _ = p.Write(frame)
			}
		}()
		synctest.Wait()
		if got := len(kafka.got()); got != 3 {
			t.Errorf("%d records of a quarter of the window each are produced, want 3", got)
		}
		_ = p.Close()
		<-over
	})
}

// headersIn is a codec whose messages have many headers.
type headersIn struct {
	codec.In
	headers int
}

func (c headersIn) Decode(_ []byte, into []codec.Message) ([]codec.Message, *codec.Batch) {
	return append(into, codec.Message{Record: proxy.Record{Value: []byte("x"), Headers: make([]proxy.Header, c.headers)}}), nil
}

// TestTheWindowCountsHeaders sends short messages with headers that fill the window once decoded.
func TestTheWindowCountsHeaders(t *testing.T) {
	for name, test := range map[string]struct{ headers, want int }{
		"a quarter of the window":     {limit.MaxBytes / 4 / int(headerCost), 3},
		"more than the window":        {2 * limit.MaxBytes / int(headerCost), 1},
		"a few headers do not matter": {3, 5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, b := budgeted(1 << 30)
				c, p, _ := accept(t, s, bufferSize)
				kafka := &producer{}
				o := inOptions(kafka)
				o.Codec = headersIn{o.Codec, test.headers}
				over := serveIn(c, o)
				for range 5 {
					p.send(opText, strings.Repeat("x", 100))
				}
				synctest.Wait()
				if got := len(kafka.got()); got != test.want {
					t.Errorf("%d records are produced, want %d", got, test.want)
				}
				if got, least := b.Held(budget.Producing), copiesInFlight*headerCost*int64(test.want*test.headers); got < least {
					t.Errorf("%d bytes are charged to the memory budget, want at least %d", got, least)
				}
				if got, least := b.Held(budget.Receiving), headerCost*int64(test.headers); test.want < 5 && got < least {
					t.Errorf("%d bytes are charged for the message that waits, want at least %d", got, least)
				}
				_ = p.Close()
				<-over
				wantBudget(t, b, budget.Receiving, 0)
				for n := range test.want {
					kafka.ack(n)
				}
				wantBudget(t, b, budget.Producing, 0)
			})
		})
	}
}

// TestTheRateHoldsTheReader checks that the client gets its rate, and that waiting for it
// does not count against the delivery timeout.
func TestTheRateHoldsTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		kafka := &producer{each: func(n int, _ string, done proxy.Completion) { done.Done(proxy.Ack{Offset: int64(n)}, nil) }}
		o := inOptions(kafka)
		o.Rate = limit.NewRate(1)
		o.DeliveryTimeout = 5 * time.Second
		over := serveIn(c, o)
		batch := strings.Repeat(produce("a", "1")+",", 19) + produce("a", "1")
		began := time.Now()
		p.send(opText, "["+batch+"]")
		p.send(opText, produce("b", "2"))
		if got := p.answers(); strings.Contains(got, "TIMEOUT") {
			t.Errorf("got %s", got)
		}
		wantElapsed(t, began, 19*time.Second, 0)
		p.wantAnswers("b:20")
		wantElapsed(t, began, 20*time.Second, 0)
		m.want("throttled_seconds_total", 20)
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-over
	})
}

// TestTimeoutLeavesTheSlotCharged checks that a message is answered TIMEOUT exactly after the
// delivery timeout while no other message is admitted until Kafka's client releases it. If the slot
// were freed with the answer, a client could pile up messages that Kafka does not take.
func TestTimeoutLeavesTheSlotCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		kafka := &producer{}
		o := inOptions(kafka)
		o.MaxInFlight = 2
		over := serveIn(c, o)
		began := time.Now()
		for _, id := range []string{"a", "b", "waits", "d"} {
			p.send(opText, produce(id, id))
		}
		p.wantAnswers("a:TIMEOUT", "b:TIMEOUT")
		wantElapsed(t, began, o.DeliveryTimeout, 0)
		p.wantAnswers("waits:TIMEOUT") // it was read when the first two were answered
		wantElapsed(t, began, 2*o.DeliveryTimeout, 0)
		m.want("produce_errors_total", 3)
		m.want("in_flight_messages", 0)

		t.Log("the slots are charged")
		time.Sleep(time.Hour)
		if got := kafka.got(); !slices.Equal(got, []string{"a", "b"}) {
			t.Fatalf("produced are %q while Kafka holds the first two", got)
		}

		t.Log("Kafka lets go of one")
		kafka.ack(1) // its late answer changes nothing
		synctest.Wait()
		if got := kafka.got(); !slices.Equal(got, []string{"a", "b", "d"}) {
			t.Fatalf("produced are %q; what was answered TIMEOUT before it was produced must not be", got)
		}
		kafka.ack(2)
		p.wantAnswers("d:2")
		kafka.ack(0)
		m.want("records_produced_total", 1)

		t.Log("the window is whole again")
		p.send(opText, produce("e", "e"))
		p.send(opText, produce("f", "f"))
		synctest.Wait()
		kafka.ack(4)
		kafka.ack(3)
		p.wantAnswers("e:3", "f:4")
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-over
	})
}

// TestTimeoutOfABatch times out the messages of a batch that Kafka has not acknowledged.
func TestTimeoutOfABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := &producer{}
		o := inOptions(kafka)
		over := serveIn(c, o)
		began := time.Now()
		p.send(opText, "["+produce("a", "1")+","+produce("b", "2")+","+produce("c", "3")+"]")
		synctest.Wait()
		kafka.ack(1)
		time.Sleep(o.DeliveryTimeout - time.Nanosecond)
		p.send(opText, produce("d", "4"))
		synctest.Wait()
		kafka.ack(3)
		p.wantAnswers("[a:TIMEOUT b:1 c:TIMEOUT]")
		wantElapsed(t, began, o.DeliveryTimeout, 0)
		p.wantAnswers("d:3")
		_ = p.Close()
		<-over
		kafka.ack(0)
		kafka.ack(2)
	})
}

// TestMoreTimeoutsThanOneWrite times out more frames than one write answers, with one that
// waits for the window behind them.
func TestMoreTimeoutsThanOneWrite(t *testing.T) {
	const n = 2*slotsPerFill + 10
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), 1<<20)
		kafka := &producer{}
		o := inOptions(kafka)
		o.MaxInFlight = n
		over := serveIn(c, o)
		for i := range n + 1 {
			p.send(opText, produce(fmt.Sprint(i), fmt.Sprint(i)))
		}
		for i := range n + 1 {
			p.wantAnswers(fmt.Sprintf("%d:TIMEOUT", i))
		}
		kafka.ack(0)
		synctest.Wait()
		if got := len(kafka.got()); got != n {
			t.Errorf("%d records are produced, the one that waited too", got)
		}
		_ = p.Close()
		<-over
	})
}

func TestTheConnectionDiesWithAllInFlight(t *testing.T) {
	for name, die := range map[string]func(c *Conn, p *peer){
		"the client hangs up": func(_ *Conn, p *peer) { _ = p.Close() },
		"the client closes":   func(_ *Conn, p *peer) { p.sendClose(1000, "") },
		"the proxy cuts":      func(c *Conn, _ *peer) { c.Cut() },
		"the client is silent": func(*Conn, *peer) {
			time.Sleep(time.Hour)
		},
		"a broken frame":   func(_ *Conn, p *peer) { _, _ = p.Write([]byte("\x81\x00")) },
		"the proxy closes": func(c *Conn, _ *peer) { c.End(Ending{Code: proxy.CloseServiceRestart, Grace: time.Second}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, m := accept(t, testSettings(), bufferSize)
				kafka := &producer{}
				o := inOptions(kafka)
				o.MaxInFlight, o.DeliveryTimeout = 20, 2*time.Hour
				over := serveIn(c, o)
				for i := range 15 {
					p.send(opText, produce(fmt.Sprint(i), fmt.Sprint(i)))
				}
				p.send(opText, "["+produce("x", "x")+","+produce("y", "y")+"]")
				synctest.Wait()
				m.want("in_flight_messages", 17)
				die(c, p)
				_ = p.CloseWrite()
				<-over
				m.want("in_flight_messages", 0)
				for n := range kafka.waiting {
					kafka.ack(n)
				}
				m.want("in_flight_messages", 0)
				m.want("records_produced_total", 0)
				_ = p.Close()
			})
		})
	}
}

// TestDrainingFinishesWhatIsInFlight sends a message after the proxy has begun to close: it is neither
// produced nor answered.
func TestDrainingFinishesWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := &producer{}
		over := serveIn(c, inOptions(kafka))
		began := time.Now()
		p.send(opText, produce("a", "1"))
		synctest.Wait()
		c.End(Ending{Code: proxy.CloseServiceRestart, Grace: time.Minute})
		p.send(opText, produce("b", "2"))
		time.Sleep(10 * time.Second)
		kafka.ack(0)
		p.wantAnswers("a:0")
		if before, _ := p.wantClose(proxy.CloseServiceRestart); len(before) > 0 {
			t.Errorf("got %q after the last answer", before)
		}
		wantElapsed(t, began, 10*time.Second, 0)
		p.sendClose(1012, "")
		<-over
		if got := kafka.got(); len(got) != 1 {
			t.Errorf("produced are %q", got)
		}
	})
}

// TestDrainingFreesAReaderThatWaits closes while the reader waits for its rate limit or for room in
// the window.
func TestDrainingFreesAReaderThatWaits(t *testing.T) {
	for name, o := range map[string]InOptions{
		"for its rate":   {MaxInFlight: 10, Rate: limit.NewRate(1)},
		"for the window": {MaxInFlight: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, m := accept(t, quietSettings(), bufferSize)
				kafka := &producer{}
				o.Producer, o.Topic, o.Codec, o.DeliveryTimeout = kafka, "t", codec.NewJSONIn(codec.InSettings{Topic: "t"}), time.Hour
				if o.Rate != nil {
					o.Rate = limit.NewRate(1)
				}
				over := serveIn(c, o)
				for range 5 {
					p.send(opText, produce("a", "1"))
				}
				synctest.Wait()
				began := time.Now()
				c.End(Ending{Code: proxy.CloseServiceRestart, Grace: 10 * time.Second})
				p.wantClose(proxy.CloseServiceRestart)
				wantElapsed(t, began, 10*time.Second, 0)
				_ = p.Close()
				<-over
				m.want("in_flight_messages", 0)
			})
		})
	}
}

// binaryIn is a codec whose answers are binary.
type binaryIn struct{ codec.In }

func (binaryIn) Binary() bool { return true }

func TestErrorsAreTextUnderABinaryPayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		o := inOptions(&producer{each: func(_ int, _ string, done proxy.Completion) { done.Done(proxy.Ack{}, nil) }})
		o.Codec = binaryIn{o.Codec}
		over := serveIn(c, o)
		for message, op := range map[string]opcode{produce("a", "1"): opBinary, "{": opText, produce("a", "refused"): opText} {
			p.send(opBinary, message)
			if frame, err := p.next(); err != nil || frame.op != op {
				t.Errorf("%s is answered by %x %q, %v", message, frame.op, frame.payload, err)
			}
		}
		_ = p.Close()
		<-over
	})
}

// TestTimeoutOnAnIdleConnection sends a message while the writer sleeps.
func TestTimeoutOnAnIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		o := inOptions(&producer{})
		over := serveIn(c, o)
		for _, idle := range []time.Duration{time.Second, o.DeliveryTimeout, 100 * o.DeliveryTimeout / 3} {
			time.Sleep(idle)
			synctest.Wait()
			began := time.Now()
			p.send(opText, produce("a", "1"))
			p.wantAnswers("a:TIMEOUT")
			wantElapsed(t, began, o.DeliveryTimeout, 0)
		}
		_ = p.Close()
		<-over
	})
}
