package socket

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// inFragments reads a message that arrives in fragments, and the control frames between them.
func (p *peer) inFragments() (message string, fragments int, between []received) {
	p.t.Helper()
	var b strings.Builder
	for {
		frame, first, err := p.nextFrame()
		if err != nil {
			p.t.Fatalf("after %d fragments: %v", fragments, err)
		}
		if frame.op >= opClose {
			between = append(between, frame)
			continue
		}
		if want := opContinuation; frame.op != want && (fragments > 0 || frame.op != opText) {
			p.t.Fatalf("fragment %d has opcode %x: %.80q", fragments, frame.op, frame.payload)
		}
		if len(frame.payload) > 2*fillSize {
			p.t.Errorf("a fragment has %d bytes", len(frame.payload))
		}
		fragments++
		b.Write(frame.payload)
		if first&finalFragment != 0 {
			return b.String(), fragments, between
		}
	}
}

// ackAtOnce is a producer that acknowledges each record before the next.
func ackAtOnce() *producer {
	return &producer{each: func(n int, _ string, done proxy.Completion) { done.Done(proxy.Ack{Offset: int64(n)}, nil) }}
}

// TestALongArrayLeavesInFragments mixes records, faults with an id and faults without one.
func TestALongArrayLeavesInFragments(t *testing.T) {
	const n = 5000
	synctest.Test(t, func(t *testing.T) {
		var batch, want []string
		for i := range n {
			switch i % 5 {
			case 0:
				batch, want = append(batch, produce(fmt.Sprint(i), "v")), append(want, fmt.Sprintf("%d:%d", i, i/5))
			case 1:
				batch, want = append(batch, fmt.Sprintf(`{"messageId":"%d"}`, i)), append(want, fmt.Sprintf("%d:INVALID_MESSAGE", i))
			case 2:
				batch, want = append(batch, `{"value":{"value":1}}`), append(want, ":INVALID_VALUE")
			default:
				batch, want = append(batch, `1`), append(want, ":INVALID_MESSAGE")
			}
		}
		c, p, m := accept(t, quietSettings(), bufferSize)
		over := serveIn(c, inOptions(ackAtOnce()))
		p.send(opText, "["+strings.Join(batch, ",")+"]")
		text, fragments, _ := p.inFragments()
		var answers []answer
		if err := json.Unmarshal([]byte(text), &answers); err != nil {
			t.Fatal(err)
		}
		if fragments < 2 || len(answers) != n {
			t.Fatalf("%d answers in %d fragments", len(answers), fragments)
		}
		for i, got := range answers {
			if got.String() != want[i] {
				t.Fatalf("answer %d is %s, want %s", i, got, want[i])
			}
		}
		m.want("in_flight_messages", 0)
		m.want("records_produced_total", n/5)
		m.want("produce_errors_total", n*4/5)
		p.send(opText, produce("last", "v"))
		p.wantAnswers(fmt.Sprint("last:", n/5))
		p.sendClose(1000, "")
		p.wantClose(proxy.CloseNormal)
		<-over
	})
}

// TestBetweenFragments causes events while only a part of an array is sent, since the socket holds
// less than the array.
func TestBetweenFragments(t *testing.T) {
	begin := func(t *testing.T) (*Conn, *peer, chan struct{}) {
		t.Helper()
		c, p, _ := accept(t, quietSettings(), 1000)
		over := serveIn(c, inOptions(&producer{}))
		p.send(opText, "["+strings.Repeat("1,", 1999)+"1]")
		synctest.Wait()
		return c, p, over
	}
	t.Run("a ping is answered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, p, over := begin(t)
			p.send(opPing, "x")
			synctest.Wait() // it was read
			_, _, between := p.inFragments()
			if len(between) != 1 || between[0].op != opPong || string(between[0].payload) != "x" {
				t.Errorf("got %v between the fragments", between)
			}
			_ = p.Close()
			<-over
		})
	})
	t.Run("another message waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, p, over := begin(t)
			c.SendText([]byte("behind"))
			if _, _, between := p.inFragments(); len(between) > 0 {
				t.Errorf("got %v between the fragments", between)
			}
			p.want(opText, "behind")
			_ = p.Close()
			<-over
		})
	})
	t.Run("an ending awaits the rest", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, p, over := begin(t)
			c.End(EndWith(proxy.Errorf(proxy.KindTopicNotFound, "gone"), time.Hour))
			p.inFragments()
			before, _ := p.wantClose(proxy.CloseTopicNotFound)
			if len(before) != 1 || before[0].op != opText {
				t.Errorf("got %v before the close frame, want an error frame", before)
			}
			_ = p.Close()
			<-over
		})
	})
	t.Run("an ending that cannot wait leaves the error frame out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, p, over := begin(t)
			c.End(EndWith(proxy.Errorf(proxy.KindTopicNotFound, "gone"), 0))
			if frame, first, err := p.nextFrame(); err != nil || first != byte(opText) {
				t.Fatalf("got a frame of opcode %x, %v, want a fragment", frame.op, err)
			}
			if frame, _, err := p.nextFrame(); err == nil && frame.op == opText {
				t.Errorf("%q stands between fragments", frame.payload)
			}
			_ = p.Close()
			<-over
		})
	})
}

// discard reads a message, maybe in fragments, and returns its length.
func (p *peer) discard() (length int64) {
	p.t.Helper()
	for {
		first, n, err := p.header()
		if err == nil {
			_, err = io.CopyN(io.Discard, p.r, int64(n))
		}
		if err != nil {
			p.t.Fatal(err)
		}
		length += int64(n)
		if first&finalFragment != 0 {
			return length
		}
	}
}

// TestAHostileBatchTakesLittleMemory sends batches of the shortest messages there are, whose
// answers are up to eighty times as long. The total allocated, from the arrival to the last answer,
// bounds the memory held at any time. For a batch of a mebibyte it is 64 MiB at most.
func TestAHostileBatchTakesLittleMemory(t *testing.T) {
	const size = 1 << 18
	const most = 64 * size
	for name, message := range map[string]string{
		"numbers":           `1`,
		"nothing but an id": `{"messageId":""}`,
		"bad values":        `{"value":{"value":0}}`,
		"tombstones":        `{"value":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			c, p, _ := accept(t, quietSettings(), bufferSize)
			over := serveIn(c, inOptions(ackAtOnce()))
			n := (size - 1) / (len(message) + 1)
			frame := clientFrame(finalFragment|byte(opText), "["+strings.Repeat(message+",", n-1)+message+"]")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			go func() { _, _ = p.Write(frame) }()
			answered := p.discard()
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > most {
				t.Errorf("%d bytes were allocated for %d messages", took, n)
			}
			if answered < int64(n*len(`{"topic":"t"},`)) {
				t.Errorf("%d messages were answered by %d bytes", n, answered)
			}
			_ = p.Close()
			<-over
		})
	}
}
