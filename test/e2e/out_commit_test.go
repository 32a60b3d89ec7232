package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// witness is a client that reads in a group of its own. After a few of its commits, another connection of
// the same proxy has had as many chances to commit.
type witness struct {
	k            *cluster
	topic, group string
	client       *client
	had          int
}

func newWitness(t *testing.T, k *cluster, p *proxy) *witness {
	t.Helper()
	w := &witness{k: k, topic: k.topic(t, 1), group: k.group()}
	w.client = p.out(t, w.topic, "groupId="+w.group)
	return w
}

// rounds lets the client read and commit so many times.
func (w *witness) rounds(t *testing.T, count int) {
	t.Helper()
	for range count {
		w.k.produce(t, w.topic, numbered(w.had, 1, 1, 0)...)
		w.client.delivery()
		w.had++
		read := make(chan struct{})
		go func() { // answers the ping
			defer close(read)
			_, _ = w.client.next()
		}()
		w.k.awaitCommit(t, w.group, w.topic, int64(w.had))
		w.k.produce(t, w.topic, numbered(w.had, 1, 1, 0)...) // lets the reader go
		<-read
		w.had++
	}
}

func TestOutNothingIsCommittedForAClientThatAnswersNoPing(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 50, 1, 0)...)
		p := k.run(t)
		c := p.raw(t, target("/socket/out", topic, []string{"groupId=" + group}))
		ping := c.until(opPing) // all records lie in the socket before it, or have been read
		newWitness(t, k, p).rounds(t, 3)
		if got := k.committed(t, group, topic); len(got) != 0 {
			t.Errorf("committed %v for a client that proved nothing", got)
		}
		c.send(opPong, "something else")
		c.send(opPing, "")
		c.until(opPong)
		newWitness(t, k, p).rounds(t, 1)
		if got := k.committed(t, group, topic); len(got) != 0 {
			t.Errorf("committed %v for a pong to no ping", got)
		}
		c.send(opPong, ping)
		k.awaitCommit(t, group, topic, 50)
	})
}

// TestOutPingsLieBetweenManyBytes lets 2 MiB lie in sockets, of which a slow client would answer a ping behind them all
// too late.
func TestOutPingsLieBetweenManyBytes(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		const count = 2048
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, count, 1, 1024)...)
		c := k.run(t).raw(t, target("/socket/out", topic, nil))
		pings := 0
		for had := 0; had < count; {
			switch op, payload := c.read(); {
			case op == opText:
				had++
			case op == opPing && payload == "keepalive":
				pings++
			}
		}
		if pings < 2 {
			t.Errorf("%d pings lie between them", pings)
		}
	})
}

// TestOutAClientIsToldThatItAnswersPingsWrongly uses a client whose pongs lack the payload of the ping.
func TestOutAClientIsToldThatItAnswersPingsWrongly(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		c := k.run(t).raw(t, target("/socket/out", topic, []string{"groupId=" + group}))
		for sent := 0; ; {
			k.produce(t, topic, numbered(sent, 1, 1, 0)...) // so that the proxy has a reason to ping
			sent++
			op, payload := c.read()
			for ; op == opText; op, payload = c.read() {
			}
			if op == opPing {
				c.send(opPong, "")
				continue
			}
			if op != opClose || !strings.HasPrefix(payload, "\x03\xEAThree pings in a row were answered by pongs that do not repeat their payload") || sent < 4 {
				t.Errorf("after %d records: opcode %d, %q", sent, op, payload)
			}
			break
		}
		if got := k.committed(t, group, topic); len(got) != 0 {
			t.Errorf("committed %v", got)
		}
	})
}

// TestOutHeartbeatsAreNoAnswersToPings uses a client that sends unsolicited pongs, as RFC 6455 allows and
// .NET does.
func TestOutHeartbeatsAreNoAnswersToPings(t *testing.T) {
	const count = 10
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		c := k.run(t).raw(t, target("/socket/out", topic, []string{"groupId=" + group}))
		c.send(opPong, "")
		c.send(opPing, "")
		c.until(opPong) // the proxy has had both
		last := ""
		for i := range count {
			k.produce(t, topic, numbered(i, 1, 1, 0)...)
			last = c.until(opPing)
			c.send(opPong, "")
		}
		c.send(opPong, last)
		k.awaitCommit(t, group, topic, count)
	})
}

func TestOutNothingIsCommittedForAClientThatReadsNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 1000, 1, 100)...)
		p := k.run(t)
		c := p.raw(t, target("/socket/out", topic, []string{"clientId=same", "groupId=" + group}))
		newWitness(t, k, p).rounds(t, 3)
		if got := k.committed(t, group, topic); len(got) != 0 {
			t.Errorf("committed %v for a client that read nothing", got)
		}
		c.reset()
		again := p.out(t, topic, "clientId=same", "groupId="+group)
		for i, d := range again.deliveries(1000) {
			if d.Offset != int64(i) {
				t.Fatalf("the next connection delivers %d, want %d", d.Offset, i)
			}
		}
	})
}

func TestOutIsCommittedSoonAfterAClientHasRead(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 100, 1, 0)...)
		c := k.run(t).out(t, topic, "groupId="+group)
		c.deliveries(100)
		go func() { _, _ = c.next() }() // a client that waits for the next record
		k.awaitCommit(t, group, topic, 100)
	})
}

func TestOutIsCommittedForAClientThatAnswersAPingAndGoes(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 100, 1, 0)...)
		for name, bye := range map[string][]byte{"with a close frame": frame(final|opClose, []byte{3, 0xE8}), "without a word": nil} {
			group := k.group()
			c := k.run(t).raw(t, target("/socket/out", topic, []string{"groupId=" + group}))
			for range 100 {
				c.message()
			}
			c.sendBytes(append(frame(final|opPong, []byte(c.until(opPing))), bye...))
			_ = c.conn.CloseWrite()
			left := 0
			if bye == nil { // cut off: the group keeps its place
				left = 1
			}
			eventually(t, "the group has committed and lost who left it, "+name, func() bool {
				return k.committed(t, group, topic)[0] == 100 && k.members(t, group) == left
			})
		}
	})
}

// TestOutAClientsCloseConfirmsWhatItHas closes long before the next ping is due: the one that the close
// causes has all records committed, and none comes again.
func TestOutAClientsCloseConfirmsWhatItHas(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		p := k.start(t, "CONSUMER_COMMIT_INTERVAL=1h")
		where := target("/socket/out", topic, []string{"groupId=" + group})
		for visit := range 3 {
			c := p.raw(t, where)
			had := int64(10 * visit)
			read := func(until int64) {
				k.produce(t, topic, numbered(int(had), int(until-had), 1, 0)...)
				for ; had < until; had++ {
					want := fmt.Sprintf(`"wsProxyMessageId":"%s-0-%d-`, topic, had)
					if got := c.message(); !strings.Contains(got, want) {
						t.Fatalf("got %s, want %s", got, want)
					}
				}
			}
			read(had + 1)
			c.send(opPong, c.until(opPing)) // the first ping comes at once
			read(had + 9)
			c.send(opClose, "\x03\xe8")
			for op, payload := c.read(); op != opClose; op, payload = c.read() {
				c.send(opPong, payload)
			}
			k.awaitCommit(t, group, topic, had)
		}
	})
}

func TestSorePointDroppedConsumerSkipsNothing(t *testing.T) {
	const count, had = 20_000, 1000
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, count, 1, 100)...)
		c := k.run(t).raw(t, target("/socket/out", topic, []string{"clientId=same", "groupId=" + group}))
		for i := range had {
			if d := parse[delivery](t, c.message()); d.Offset != int64(i) {
				t.Fatalf("delivered %d, want %d", d.Offset, i)
			}
		}
		c.reset()
		again := k.run(t).out(t, topic, "clientId=same", "groupId="+group)
		first := again.delivery().Offset
		if first > had {
			t.Fatalf("the next connection starts at %d: records from %d on are skipped", first, had)
		}
		for want := first + 1; want < count; want++ {
			if d := again.delivery(); d.Offset != want {
				t.Fatalf("delivered %d, want %d", d.Offset, want)
			}
		}
		if at, ok := k.committed(t, group, topic)[0]; ok && at > count {
			t.Errorf("committed %d of %d", at, count)
		}
	})
}

func TestOutClientCommitsByMessageID(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 100, 1, 0)...)
		c := k.run(t).out(t, topic, "groupId="+group, "autoCommit=false")
		all := c.deliveries(100)
		newWitness(t, k, k.run(t)).rounds(t, 2)
		if got := k.committed(t, group, topic); len(got) != 0 {
			t.Errorf("committed %v before the client asked for it", got)
		}
		c.send(commitOf(all[59]))
		k.awaitCommit(t, group, topic, 60)
		c.send(commitOf(all[9]), commitOf(all[59])) // older, and the same again: silent, and without effect
		c.send(`{"wsProxyMessageId":"nonsense"}`)
		c.refusal("UNKNOWN_MESSAGE_ID") // the first frame since: the others had no answer
		if got := k.committed(t, group, topic)[0]; got != 60 {
			t.Errorf("committed %d, want 60", got)
		}
		c.send(commitOf(all[99]))
		k.awaitCommit(t, group, topic, 100)
		c.close()
		k.produce(t, topic, numbered(100, 1, 1, 0)...)
		if d := k.run(t).out(t, topic, "groupId="+group).delivery(); d.Offset != 100 {
			t.Errorf("the next connection starts at %d, want 100", d.Offset)
		}
	})
}

func commitOf(d delivery) string { return `{"wsProxyMessageId":` + quoted(d.ID) + `}` }

func TestOutCommitsThatAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 2), k.group()
		k.produce(t, topic, numbered(0, 5, 1, 0)...)
		c := k.run(t).out(t, topic, "groupId="+group, "autoCommit=false", "batchSize=5")
		last := c.deliveries(5)[4]
		at := func(partition, offset, timestamp int64) string {
			return fmt.Sprintf(`{"wsProxyMessageId":"%s-%d-%d-%d"}`, topic, partition, offset, timestamp)
		}
		for _, test := range []struct{ name, message, code string }{
			{"an id without its parts", `{"wsProxyMessageId":"x"}`, "UNKNOWN_MESSAGE_ID"},
			{"an empty id", `{"wsProxyMessageId":""}`, "UNKNOWN_MESSAGE_ID"},
			{"an id of another topic", `{"wsProxyMessageId":"x-0-4-` + fmt.Sprint(last.Timestamp) + `"}`, "UNKNOWN_MESSAGE_ID"},
			{"an id with another timestamp", at(0, 4, last.Timestamp+1), "UNKNOWN_MESSAGE_ID"},
			{"an id never delivered", at(0, 5, last.Timestamp), "UNKNOWN_MESSAGE_ID"},
			{"an id of a partition without records", at(1, 0, last.Timestamp), "UNKNOWN_MESSAGE_ID"},
			{"an id of a partition that there is not", at(7, 0, last.Timestamp), "UNKNOWN_MESSAGE_ID"},
			{"an id with a leading zero", at(0, 4, last.Timestamp)[:len(at(0, 4, last.Timestamp))-2] + ` "}`, "UNKNOWN_MESSAGE_ID"},
			{"an id that is a number", `{"wsProxyMessageId":4}`, "INVALID_MESSAGE"},
			{"no id", `{}`, "INVALID_MESSAGE"},
			{"another shape", `[1]`, "INVALID_MESSAGE"},
			{"a record", `{"value":{"value":"v"}}`, "INVALID_MESSAGE"},
			{"not JSON", `commit!`, "INVALID_JSON"},
			{"nothing", ``, "INVALID_JSON"},
		} {
			c.send(test.message)
			frame := c.read()
			d := parse[delivery](t, frame)
			if d.Error == nil || d.Error.Code != test.code || d.Error.Message == "" {
				t.Errorf("%s: got %s, want %s", test.name, frame, test.code)
			}
			if test.code == "UNKNOWN_MESSAGE_ID" && (!strings.Contains(test.message, quoted(d.ID)) || !strings.Contains(frame, `"wsProxyMessageId":`)) {
				t.Errorf("%s: %s does not hold the id", test.name, frame)
			}
		}
		if got := k.committed(t, group, topic); len(got) != 0 {
			t.Errorf("committed %v", got)
		}
		c.send(commitOf(last))
		k.awaitCommit(t, group, topic, 5)
	})
}

func TestOutCommitUnderAutoCommitIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 1, 1, 0)...)
		c := k.run(t).out(t, topic)
		d := c.delivery()
		c.send(commitOf(d))
		if f := c.refusal("INVALID_MESSAGE"); !strings.Contains(f.Message, "autoCommit") {
			t.Errorf("%q does not name autoCommit", f.Message)
		}
		k.produce(t, topic, numbered(1, 1, 1, 0)...)
		if d := c.delivery(); d.Offset != 1 {
			t.Errorf("after it comes %d, want 1", d.Offset)
		}
	})
}

func TestOutRecordsThatWereNotCommittedComeAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 10, 1, 0)...)
		c := k.run(t).out(t, topic, "groupId="+group, "autoCommit=false")
		all := c.deliveries(10)
		c.send(commitOf(all[3]))
		k.awaitCommit(t, group, topic, 4)
		c.close()
		if d := k.run(t).out(t, topic, "groupId="+group, "autoCommit=false").delivery(); d.Offset != 4 {
			t.Errorf("the next connection starts at %d, want 4", d.Offset)
		}
	})
}
