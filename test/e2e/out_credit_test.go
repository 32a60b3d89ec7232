package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"
)

func grant(n int) string { return fmt.Sprintf(`{"credit":%d}`, n) }

// holdsBack checks that no record comes before the answer to a wrong grant.
func (c *client) holdsBack() {
	c.t.Helper()
	c.send(grant(0))
	c.refusal("INVALID_MESSAGE")
}

// TestOutSendsNoMoreThanTheCredit grants at random, and commits by the client, under both payloads.
func TestOutSendsNoMoreThanTheCredit(t *testing.T) {
	const count, seed = 500, 7
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, count, 1, 0)...)
		for payload, open := range map[string]func(t *testing.T, parameters ...string) (c *client, next func() (int64, string), commit func(string)){
			"JSON": func(t *testing.T, parameters ...string) (*client, func() (int64, string), func(string)) {
				c := k.run(t).out(t, topic, parameters...)
				return c, func() (int64, string) { d := c.delivery(); return d.Offset, d.ID },
					func(id string) { c.send(commitOf(delivery{ID: id})) }
			},
			"Avro": func(t *testing.T, parameters ...string) (*client, func() (int64, string), func(string)) {
				c := k.run(t).avroOut(t, topic, parameters...)
				return c.client, func() (int64, string) { r := c.record(); return r.Offset, r.ID }, c.commit
			},
		} {
			t.Run(payload, func(t *testing.T) {
				t.Parallel()
				group, random := k.group(), rand.New(rand.NewPCG(seed, 0))
				c, next, commit := open(t, "groupId="+group, "autoCommit=false", "credit=5")
				offset, last := int64(0), ""
				read := func(n int) {
					for ; n > 0 && offset < count; n, offset = n-1, offset+1 {
						var at int64
						if at, last = next(); at != offset {
							t.Fatalf("delivered %d, want %d", at, offset)
						}
					}
				}
				read(5)
				for offset < count/2 {
					c.holdsBack()
					n := 1 + random.IntN(40)
					c.send(grant(n))
					read(n)
				}
				c.holdsBack()
				commit(last)
				k.awaitCommit(t, group, topic, offset)
				c.send(grant(1), grant(count))
				read(count)
				commit(last)
				k.awaitCommit(t, group, topic, count)
			})
		}
	})
}

func TestOutWrongGrantsAreAnswered(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 20, 1, 0)...)
		with, without := k.run(t).out(t, topic, "credit=0"), k.run(t).out(t, topic)
		for _, message := range []string{
			`{"credit":-1}`, `{"credit":0}`, `{"credit":1.5}`, `{"credit":"5"}`, `{"credit":null}`, `{"credit":[5]}`, `{"credit":9223372036854775808}`,
			`[{"credit":5}]`, `{"grant":5}`,
		} {
			with.send(message)
			with.refusal("INVALID_MESSAGE")
		}
		with.send(`{"credit":9223372036854775807}`, `{"credit":9223372036854775807,"x":1}`) // saturates
		if got := with.deliveries(20)[19]; got.Offset != 19 {
			t.Errorf("the last is %d", got.Offset)
		}
		without.deliveries(20)
		without.send(grant(5))
		without.refusal("INVALID_MESSAGE")
	})
}

// TestOutCommitsWhatTheCreditAllowed checks that commits by pongs cover what was sent, and not what waits, also at a
// drain. The client then leaves its group.
func TestOutCommitsWhatTheCreditAllowed(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 100, 1, 0)...)
		p := k.start(t)
		c := p.raw(t, target("/socket/out", topic, []string{"groupId=" + group, "credit=3"}))
		c.send(opPong, c.until(opPing))
		k.awaitCommit(t, group, topic, 3)
		c.send(opText, grant(4))
		for range 4 {
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
		if at := k.committed(t, group, topic)[0]; at != 7 || k.members(t, group) != 0 {
			t.Errorf("committed %d, and the group has %d members", at, k.members(t, group))
		}
	})
}

// TestOutWithoutCreditIsAliveAndCanBeTakenOver has a second connection ask for the place of one that waits for credit.
func TestOutWithoutCreditIsAliveAndCanBeTakenOver(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 100, 1, 0)...)
		p := k.run(t)
		parameters := []string{"groupId=" + group, "clientId=same", "credit=5"}
		first := p.out(t, topic, parameters...)
		first.deliveries(5)
		ended := make(chan []string, 1)
		go func() { ended <- first.ended(4409) }() // answers pings
		if got := p.upgrade(t, target("/socket/out", topic, parameters)); got.status != http.StatusConflict {
			t.Errorf("got %d for the place of a client that is alive", got.status)
		}
		second := p.out(t, topic, append(parameters, "onConflict=takeover")...)
		if frames := <-ended; len(frames) != 1 { // an error
			t.Errorf("after its credit came %q", frames)
		}
		from := second.delivery().Offset
		if from > 5 {
			t.Errorf("it goes on at %d", from)
		}
		for i := range int64(4) {
			if d := second.delivery(); d.Offset != from+1+i {
				t.Errorf("delivered %d, want %d", d.Offset, from+1+i)
			}
		}
		second.holdsBack()
	})
}

// TestOutRebalanceWithoutCredit has a second member join while the records of the first wait for credit. Each record
// comes to one of them; those that the first had before may come again, if its pong was late.
func TestOutRebalanceWithoutCredit(t *testing.T) {
	const partitions, count, credit = 4, 400, 10
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, partitions), k.group()
		k.produce(t, topic, numbered(0, count, partitions, 0)...)
		p := k.run(t)
		over := make(chan struct{})
		defer close(over)
		read := func(c *client) <-chan delivery {
			into := make(chan delivery)
			go c.collect(into, over)
			return into
		}
		var ofFirst, ofSecond <-chan delivery
		seen, moved := make(map[string]int), false
		await := func(done func() bool) {
			for deadline := time.After(patience); !done(); {
				select {
				case d := <-ofFirst:
					seen[place(d.Partition, d.Offset)]++
				case d := <-ofSecond:
					moved = true
					seen[place(d.Partition, d.Offset)]++
				case <-deadline:
					t.Fatalf("%d of %d records have come", len(seen), count)
				}
			}
		}
		first := p.out(t, topic, "groupId="+group, fmt.Sprintf("credit=%d", credit))
		ofFirst = read(first)
		await(func() bool { return len(seen) == credit })
		had := maps.Clone(seen)
		ofSecond = read(p.out(t, topic, "groupId="+group))
		await(func() bool { return moved })
		first.send(grant(count))
		await(func() bool { return len(seen) == count })
		for at, times := range seen {
			if times > 1 && had[at] == 0 {
				t.Errorf("%s came %d times", at, times)
			}
		}
	})
}

// TestOutWithoutCreditStaysInItsGroup waits for longer than the session timeout, and then leaves.
func TestOutWithoutCreditStaysInItsGroup(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 10, 1, 0)...)
		p := k.start(t, "CONSUMER_SESSION_TIMEOUT=6s")
		c := p.out(t, topic, "groupId="+group, "autoCommit=false", "credit=1")
		c.delivery()
		member, began := k.member(t, group), time.Now()
		for w := newWitness(t, k, p); time.Since(began) < 8*time.Second; {
			w.rounds(t, 1)
		}
		if got := k.member(t, group); got != member {
			t.Errorf("the group's member was %s and is %s", member, got)
		}
		c.holdsBack()
		c.send(grant(2))
		if got := c.deliveries(2); !slices.ContainsFunc(got, func(d delivery) bool { return d.Offset == 2 }) {
			t.Errorf("got %+v", got)
		}
		c.close()
		eventually(t, "the client has left its group", func() bool { return k.members(t, group) == 0 })
	})
}

func TestOutCreditAndRate(t *testing.T) {
	const count, perSecond = 60, 40
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, count, 1, 0)...)
		began := time.Now()
		c := k.run(t).out(t, topic, fmt.Sprintf("rate=%d", perSecond), fmt.Sprintf("credit=%d", count/2))
		c.deliveries(count / 2)
		c.holdsBack()
		c.send(grant(count))
		c.deliveries(count / 2)
		// A tenth of a second's worth may come at once, at the begin and after the wait.
		if took, least := time.Since(began), time.Second*(count-2*perSecond/10)/perSecond; took < least {
			t.Errorf("%d records took %v, at %d a second it must be %v", count, took, perSecond, least)
		}
	})
}
