package socket

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// listener is a client that cannot stop reading. It answers pings.
type listener struct {
	over chan struct{}

	mu      sync.Mutex // guards what follows
	records []string   // their ids
	errors  []string
}

func (p *peer) listen() *listener {
	l := &listener{over: make(chan struct{})}
	go func() {
		defer close(l.over)
		for {
			frame, err := p.next()
			switch {
			case err != nil || frame.op == opClose:
				return
			case frame.op == opPing:
				p.send(opPong, string(frame.payload))
			default:
				l.add(frame)
			}
		}
	}()
	return l
}

func (l *listener) add(frame received) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var message struct {
		WsProxyMessageID string
		Error            struct{ Code, Message string }
	}
	switch {
	case frame.op == opBinary: // a record in Avro begins with its id
		l.records = append(l.records, string(frame.payload[1:1+frame.payload[0]/2]))
	case json.Unmarshal(frame.payload, &message) != nil || message.Error.Code != "":
		l.errors = append(l.errors, message.Error.Code+": "+message.Error.Message)
	default:
		l.records = append(l.records, message.WsProxyMessageID)
	}
}

// want waits until nothing happens anymore, and compares what has come so far.
func (l *listener) want(t *testing.T, records int) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.records) != records {
		t.Fatalf("%d records have come, want %d", len(l.records), records)
	}
}

// wantIDs compares the ids of all records.
func (l *listener) wantIDs(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.records, want) {
		t.Errorf("got %q, want %q", l.records, want)
	}
}

func (p *peer) grant(n int) { p.send(opText, fmt.Sprintf(`{"credit":%d}`, n)) }

func ids(partition int32, from, to int64) (all []string) {
	for offset := from; offset < to; offset++ {
		all = append(all, id(partition, offset))
	}
	return all
}

// payloads are the codecs of both payloads.
func payloads() map[string]func() codec.Out {
	settings := codec.OutSettings{Topic: "t"}
	return map[string]func() codec.Out{
		"JSON": func() codec.Out { return codec.NewJSONOut(settings) },
		"Avro": func() codec.Out { return codec.NewAvroOut(settings) },
	}
}

// TestNoMoreRecordsAreSentThanWereGranted feeds and grants at random: what has come is always the lesser of both.
func TestNoMoreRecordsAreSentThanWereGranted(t *testing.T) {
	for payload, newCodec := range payloads() {
		for seed := range uint64(20) {
			t.Run(fmt.Sprintf("%s, seed %d", payload, seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					random := rand.New(rand.NewPCG(seed, 0))
					granted, fed := random.IntN(10), 0
					c, p, m := accept(t, quietSettings(), 1+random.IntN(bufferSize))
					kafka := newConsumer(0)
					o := outOptions(kafka)
					o.Codec, o.Credit, o.Batch = newCodec(), NewCredit(int64(granted)), limit.NewBound(random.IntN(50))
					over, client := serveOut(c, o), p.listen()
					for granted < 3000 {
						n := 1 + random.IntN(1+random.IntN(300))
						if random.IntN(2) == 0 {
							granted += n
							p.grant(n)
						} else if fed < 2000 {
							kafka.feed(0, int64(fed), int64(fed+n))
							fed += n
						}
						client.want(t, min(granted, fed))
					}
					client.wantIDs(t, ids(0, 0, int64(fed))...)
					time.Sleep(2 * time.Second)
					wantPosition(t, kafka, 0, int64(fed))
					m.want("records_delivered_total", float64(fed))
					p.sendClose(1000, "")
					<-over
					<-client.over
				})
			})
		}
	}
}

// TestWrongGrants checks that each is answered, and that the stream goes on.
func TestWrongGrants(t *testing.T) {
	const has, not = "credit is ", "This connection has no credit"
	for name, test := range map[string]struct {
		message string
		without bool   // the connection has no credit
		says    string // empty: it has no answer
		grants  int
	}{
		"negative":               {`{"credit":-1}`, false, has, 0},
		"nothing":                {`{"credit":0}`, false, has, 0},
		"a fraction":             {`{"credit":1.5}`, false, has, 0},
		"text":                   {`{"credit":"5"}`, false, has, 0},
		"null":                   {`{"credit":null}`, false, has, 0},
		"2^63":                   {`{"credit":9223372036854775808}`, false, has, 0},
		"good":                   {`{"credit":5}`, false, "", 5},
		"with an unknown member": {`{"credit":5,"x":1}`, false, "", 5},
		"behind one":             {`{"x":1,"credit":5}`, false, "", 5},
		"with an exponent":       {`{"credit":5e0}`, false, "", 5},
		"no credit":              {`{"credit":5}`, true, not, 10},
		"no credit, and wrong":   {`{"credit":-5}`, true, not, 10},
	} {
		for payload, newCodec := range payloads() {
			t.Run(name+", "+payload, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, p, _ := accept(t, quietSettings(), bufferSize)
					kafka := newConsumer(0)
					o := outOptions(kafka)
					o.Codec = newCodec()
					if !test.without {
						o.Credit = NewCredit(0)
					}
					over, client := serveOut(c, o), p.listen()
					kafka.feed(0, 0, 10)
					p.send(opText, test.message)
					client.want(t, test.grants)
					wanted := 0
					if test.says != "" {
						wanted = 1
					}
					if got := client.errors; len(got) != wanted || wanted == 1 && !strings.HasPrefix(got[0], "INVALID_MESSAGE: "+test.says) {
						t.Errorf("answered by %q", got)
					}
					if !test.without {
						p.grant(10)
						client.want(t, 10)
					}
					p.sendClose(1000, "")
					<-over
					wantPosition(t, kafka, 0, 10)
				})
			})
		}
	}
}

// TestGrantsOfEachKindOfMessage sends one grant: under JSON a binary message is like a text, under Avro it is a datum.
func TestGrantsOfEachKindOfMessage(t *testing.T) {
	for name, test := range map[string]struct {
		payload string
		op      opcode
		records int
	}{
		"text under JSON":   {"JSON", opText, 5},
		"binary under JSON": {"JSON", opBinary, 5},
		"text under Avro":   {"Avro", opText, 5},
		"binary under Avro": {"Avro", opBinary, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, quietSettings(), bufferSize)
				kafka := newConsumer(0)
				o := manualOptions(kafka)
				o.Codec, o.Credit = payloads()[test.payload](), NewCredit(0)
				over, client := serveOut(c, o), p.listen()
				kafka.feed(0, 0, 10)
				p.send(test.op, `{"credit":5}`)
				client.want(t, test.records)
				if refused := test.records == 0; refused != (len(client.errors) == 1) {
					t.Errorf("answered by %q", client.errors)
				}
				_ = p.Close()
				<-over
			})
		})
	}
}

func TestOwnCommitsWithoutCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		var tokens []string
		c.OnRenew(renewer(&tokens))
		kafka := newConsumer(0)
		o := manualOptions(kafka)
		o.Credit = NewCredit(3)
		over := serveOut(c, o)
		kafka.feed(0, 0, 10)
		p.wantRecords(0, 0, 3)
		p.commit(0, 1)
		wantPosition(t, kafka, 0, 2)
		p.commit(0, 3) // is polled, and not delivered
		p.wantError("UNKNOWN_MESSAGE_ID", id(0, 3))
		p.send(opText, `{"credit":4,"wsProxyMessageId":"`+id(0, 2)+`"}`) // is a commit
		wantPosition(t, kafka, 0, 3)
		p.send(opText, renewGood)
		p.want(opText, renewed)
		p.send(opPing, "x")
		p.want(opPong, "x")
		p.grant(1)
		p.wantRecords(0, 3, 4)
		p.commit(0, 3)
		wantPosition(t, kafka, 0, 4)
		p.sendClose(1000, "")
		if before, _ := p.wantClose(proxy.CloseNormal); len(before) > 0 {
			t.Errorf("got %q", before)
		}
		<-over
		if !kafka.left {
			t.Error("the group was not left")
		}
	})
}

// TestEndsWithoutCredit ends connections whose polled records wait: what was delivered is committed, the rest is not
// sent, and nothing waits for credit.
func TestEndsWithoutCredit(t *testing.T) {
	replaced := proxy.Wrap(proxy.ErrReplaced, proxy.KindDuplicateClient, "another connection")
	for name, test := range map[string]struct {
		end    func(c *Conn, p *peer)
		result proxy.CloseCode
	}{
		"a drain":            {func(c *Conn, _ *peer) { c.End(drained(time.Minute)) }, proxy.CloseServiceRestart},
		"a takeover":         {func(c *Conn, _ *peer) { c.End(EndWith(replaced, time.Minute)) }, proxy.CloseServiceRestart},
		"a close":            {func(_ *Conn, p *peer) { p.sendClose(1000, "") }, proxy.CloseNormal},
		"a cut":              {func(_ *Conn, p *peer) { _ = p.Close() }, proxy.CloseAbnormal},
		"a topic that ended": {func(c *Conn, _ *peer) { c.End(EndWith(proxy.Errorf(proxy.KindTopicNotFound, "gone"), 0)) }, 4404},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, p, _ := accept(t, testSettings(), bufferSize)
				kafka := newConsumer(0)
				o := outOptions(kafka)
				o.Credit = NewCredit(3)
				over, client := serveOut(c, o), p.listen()
				kafka.feed(0, 0, 10)
				time.Sleep(time.Hour) // pings go on, and the client answers them
				wantPosition(t, kafka, 0, 3)
				alive := make(chan bool, 1)
				c.Alive(2*time.Second, func(is bool) { alive <- is })
				if !<-alive {
					t.Error("it does not count as alive")
				}
				began := time.Now()
				test.end(c, p)
				<-client.over
				wantElapsed(t, began, 0, 0)
				p.sendClose(1000, "")
				_ = p.Close()
				<-over
				client.want(t, 3)
				wantPosition(t, kafka, 0, 3)
				wantResult(t, c, test.result)
			})
		})
	}
}

// TestAPartitionThatMovesWithoutCredit revokes one of two partitions while polled records of both wait, and assigns it
// again. The records of the first ownership are not sent, and take no credit.
func TestAPartitionThatMovesWithoutCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0, 1)
		o := outOptions(kafka)
		o.Credit = NewCredit(3)
		over, client := serveOut(c, o), p.listen()
		var both []proxy.Record
		for offset := range int64(10) {
			for partition := range int32(2) {
				both = append(both, proxy.Record{Partition: partition, Offset: offset, Timestamp: stamp(offset)})
			}
		}
		kafka.polls <- both
		client.want(t, 3)
		began := time.Now()
		kafka.revoke(t.Context(), 0)
		wantElapsed(t, began, 0, 0)
		wantPosition(t, kafka, 0, 2)
		p.grant(2)
		client.want(t, 5)
		kafka.assign(map[int32]int64{0: 2})
		p.grant(3)
		client.want(t, 8)
		kafka.feed(0, 2, 10)
		p.grant(1)
		client.want(t, 9)
		p.grant(100)
		client.want(t, 20)
		client.wantIDs(t, slices.Concat(
			[]string{id(0, 0), id(1, 0), id(0, 1)}, ids(1, 1, 10), ids(0, 2, 10))...)
		p.sendClose(1000, "")
		<-over
		wantPosition(t, kafka, 0, 10)
		wantPosition(t, kafka, 1, 10)
		if left := o.Credit.left.Load(); left != 109-20 {
			t.Errorf("%d is left of 109", left)
		}
	})
}

// TestARebalanceWithoutCredit moves all partitions away, and nothing comes of them anymore.
func TestARebalanceWithoutCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0, 1)
		o := outOptions(kafka)
		o.Credit = NewCredit(0)
		over, client := serveOut(c, o), p.listen()
		kafka.feed(0, 0, 10)
		kafka.feed(1, 0, 10)
		synctest.Wait()
		began := time.Now()
		kafka.revoke(t.Context(), 0)
		kafka.owner.Lost([]int32{1})
		wantElapsed(t, began, 0, 0)
		p.grant(30)
		client.want(t, 0)
		kafka.assign(map[int32]int64{0: 0, 1: 0})
		kafka.feed(1, 0, 40)
		client.want(t, 30) // all of them: nothing was used for what was dropped
		p.sendClose(1000, "")
		<-over
		wantPosition(t, kafka, 0, 0)
	})
}

func TestCreditAndRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, m := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		o := outOptions(kafka)
		o.Credit, o.Rate = NewCredit(20), limit.NewRate(10)
		over, client := serveOut(c, o), p.listen()
		kafka.feed(0, 0, 1000)
		began := time.Now()
		client.want(t, 1)
		time.Sleep(time.Second)
		client.want(t, 11)
		time.Sleep(time.Minute)
		client.want(t, 20)
		p.grant(1)
		client.want(t, 21) // nothing was used up by waiting for credit
		p.grant(30)
		client.want(t, 21)
		time.Sleep(time.Second)
		client.want(t, 31)
		time.Sleep(time.Minute)
		client.want(t, 51)
		if throttled := m.value("throttled_seconds_total"); throttled < 4.8 || throttled > 5 {
			t.Errorf("throttled for %v of %v: the wait for credit is none for the rate", throttled, time.Since(began))
		}
		p.sendClose(1000, "")
		<-over
	})
}

func TestAClientWithoutCreditHoldsFewRecords(t *testing.T) {
	for name, test := range map[string]struct {
		credit *Credit
		batch  int
		want   int
	}{
		"no limit":            {nil, 0, maxPoll},
		"none":                {NewCredit(0), 0, keptRecords},
		"little":              {NewCredit(keptRecords - 1), 0, keptRecords},
		"some":                {NewCredit(1000), 0, 1000},
		"much":                {NewCredit(1 << 40), 0, maxPoll},
		"a lower batch":       {NewCredit(1000), 10, 10},
		"a batch and no more": {NewCredit(0), 10, 10},
	} {
		t.Run(name, func(t *testing.T) {
			f := &out{options: OutOptions{Credit: test.credit, Batch: limit.NewBound(test.batch)}}
			if got := f.mostPerPoll(); got != test.want {
				t.Errorf("a poll has at most %d, want %d", got, test.want)
			}
		})
	}
}

// TestPollingFailsWithoutCredit checks that an error of Kafka's does not wait for credit that nobody uses.
func TestPollingFailsWithoutCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, quietSettings(), bufferSize)
		kafka := newConsumer(0)
		o := outOptions(kafka)
		o.Credit = NewCredit(0)
		over := serveOut(c, o)
		kafka.fails <- proxy.Errorf(proxy.KindOffsetOutOfRange, "no offset")
		p.wantError("OFFSET_OUT_OF_RANGE", "")
		p.wantClose(proxy.CloseBadParameter)
		p.sendClose(4400, "")
		<-over
	})
}
