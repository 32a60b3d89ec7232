package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// startAging starts replicas that share their sessions with each other alone, and whose connections end by age.
func (k *cluster) startAging(t *testing.T, replicas int, age string) (all []*proxy, another func() *proxy) {
	t.Helper()
	sessions := shared.run + "." + unique("sessions")
	another = func() *proxy {
		t.Helper()
		return k.start(t, "MAX_CONNECTION_AGE="+age, "SESSION_STATE_TOPIC="+sessions)
	}
	for range replicas {
		all = append(all, another())
	}
	return all, another
}

// TestAgeEndsConnectionsAndNothingIsLost has a producer and a consumer come back, to one replica after the other, whenever their
// connection has become too old.
func TestAgeEndsConnectionsAndNothingIsLost(t *testing.T) {
	const lives = 4
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		replicas, _ := k.startAging(t, 2, "500ms")
		places := make(map[string]int)
		for life := range lives {
			produceForALife(t, replicas[life%2], topic, places)
		}
		wantInPlace(t, k, topic, places) // as many records as answers: nothing unanswered was written
		read, again := 0, 0
		for life := 0; read < len(places); life++ {
			for _, n := range consumeForALife(t, replicas[life%2], topic, group, len(places)/2) {
				switch {
				case n == read:
					read++
				case n > read:
					t.Fatalf("record %d comes after %d", n, read-1)
				default:
					again++
				}
			}
		}
		t.Logf("%d records, %d of them came twice", read, again)
	})
}

// produceForALife sends numbers until the connection has ended by age, and adds where those were written that were
// acknowledged.
func produceForALife(t *testing.T, p *proxy, topic string, places map[string]int) {
	t.Helper()
	c := p.in(t, topic)
	first := len(places)
	var sending sync.WaitGroup
	sending.Go(func() {
		pace := time.NewTicker(time.Millisecond)
		defer pace.Stop()
		for n := first; c.write(websocket.MessageText, fmt.Sprintf(`{"value":{"value":"%d"}}`, n)) == nil; n++ {
			<-pace.C
		}
	})
	for _, frame := range c.ended(1012) {
		a := parse[answer](t, frame)
		if a.Error != nil {
			t.Errorf("got %+v", a.Error)
		}
		places[place(a.Partition, a.Offset)] = len(places)
	}
	sending.Wait()
	if len(places) == first {
		t.Error("nothing was acknowledged")
	}
}

// consumeForALife returns the numbers that come, at most rate of them a second, until the connection has ended by age.
func consumeForALife(t *testing.T, p *proxy, topic, group string, rate int) (numbers []int) {
	t.Helper()
	parameters := []string{"groupId=" + group, "clientId=c", fmt.Sprintf("rate=%d", max(rate, 1))}
	for _, frame := range p.out(t, topic, parameters...).ended(1012) {
		text := string(parse[delivery](t, frame).Value.Value)
		n, err := strconv.Atoi(strings.Trim(text, `"`))
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// TestALoneReplicaKeepsOldConnections until another replica is there for them.
func TestALoneReplicaKeepsOldConnections(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		replicas, another := k.startAging(t, 1, "200ms")
		c := replicas[0].in(t, topic)
		for began := time.Now(); time.Since(began) < 2*time.Second; {
			c.send(`{"value":null}`)
			c.ack()
		}
		another()
		c.ended(1012)
	})
}
