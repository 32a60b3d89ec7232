package e2e

import (
	"fmt"
	"testing"
)

// unpaid checks that no record comes without credit: an error frame is answered before any.
func (c *tail) unpaid() {
	c.t.Helper()
	c.send("x")
	c.refusal("INVALID_JSON")
}

func TestTailSendsWhatTheClientHasGranted(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 20, 1, 0)...)
		for _, parameters := range [][]string{nil, {"batch=true"}, {"slow=skip"}, {"rate=1000"}, {"socketPayload=json", "slow=wait"}} {
			c := k.run(t).tail(t, topic, append(parameters, "from=earliest", "credit=3")...)
			wantValues(t, c.values(3), 0)
			c.unpaid()
			c.send(`{"credit":2}`)
			wantValues(t, c.values(2), 3)
			c.unpaid()
			c.send(`{"credit":1}`, `{"credit":1}`, `{"credit":0}`)
			wantValues(t, c.values(2), 5)
			c.unpaid()
			c.send(`{"credit":100}`)
			wantValues(t, c.values(13), 7)
			c.close()
		}
		none := k.run(t).tail(t, topic, "from=earliest", "credit=0")
		none.unpaid()
		none.send(`{"credit":1}`)
		wantValues(t, none.values(1), 0)
		none.unpaid()
		free := k.run(t).tail(t, topic, "from=earliest", "credit=")
		wantValues(t, free.values(20), 0)
	})
}

func TestTailGrantsThatAreWrong(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 5, 1, 0)...)
		c := k.run(t).tail(t, topic, "from=earliest", "credit=0")
		for _, grant := range []string{"-1", "9223372036854775808", "1e400", "1.5", `"1"`, "null", "[]", "{}", "true"} {
			c.send(`{"credit":` + grant + "}")
			c.refusal("INVALID_MESSAGE")
		}
		c.send(`{"credit":1}`)
		wantValues(t, c.values(1), 0)
		c.unpaid()
		for range 3 { // together they are beyond 64 bits
			c.send(`{"credit":9223372036854775807}`)
		}
		wantValues(t, c.values(4), 1)
	})
}

// TestTailWithoutCreditIsSlow, whatever becomes of slow ones: with latest the next is the newest.
func TestTailWithoutCreditIsSlow(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.run(t)
		c, reader := p.tail(t, topic, "slow=latest", "credit=0"), p.tail(t, topic)
		for range 50 {
			k.mark(t, topic, "a")
		}
		reader.records(50)
		c.send(`{"credit":1}`)
		f := c.event()
		for f.Conflated != nil {
			f = c.event()
		}
		if f.Offset != 49 {
			t.Errorf("got %s, want the newest", f.text)
		}
	})
}

// TestTailCreditCountsWhatIsDelivered, and not what filters leave out.
func TestTailCreditCountsWhatIsDelivered(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		var keys []string
		for i := range 40 {
			keys = append(keys, fmt.Sprint(i%4))
		}
		k.produce(t, topic, keyed(keys...)...)
		c := k.run(t).tail(t, topic, "from=earliest", "credit=3", "key=3")
		for i, f := range c.records(3) {
			if f.Offset != int64(4*i+3) {
				t.Errorf("got %s", f.text)
			}
		}
		c.unpaid()
	})
}
