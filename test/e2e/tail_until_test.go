package e2e

import (
	"testing"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestATailUntilTheEndEndsThere also where the last offsets hold marks of transactions, where a partition is empty, where a filter leaves out
// all records, and where there is nothing to read at all.
func TestATailUntilTheEndEndsThere(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 3)
		k.produce(t, topic, numbered(0, 10, 2, 0)...) // the third partition is empty
		writer := k.transacting(t).inTransactions(t, topic, "1")
		writer.transact(`{"partition":1,"value":{"value":"in a transaction"}}`)
		writer.close()
		k.awaitStable(t, topic)
		p := k.run(t)
		for name, test := range map[string]struct {
			parameters []string
			least      int
		}{
			"all":       {[]string{"from=earliest"}, 11},
			"last":      {[]string{"from=last:1"}, 1}, // that of partition 1 is a mark
			"committed": {[]string{"from=earliest", "isolationLevel=read_committed"}, 11},
			"filtered":  {[]string{"from=earliest", "key=nobody"}, 0},
			"nothing":   {[]string{"from=latest"}, 0},
			"partition": {[]string{"from=offset:0:3"}, 2},
			"credit":    {[]string{"from=earliest", "credit=100"}, 11},
			"slowest":   {[]string{"from=earliest", "slow=latest"}, 1},
		} {
			t.Run(name, func(t *testing.T) {
				c := p.dial(t, tailPath(topic, append(test.parameters, "until=end", "cursors=0")...))
				records, last := 0, ""
				for _, frame := range c.ended(websocket.StatusNormalClosure) {
					f := tailFrameOf(t, frame)
					if last = f.kind(); last == "record" {
						records++
					}
				}
				if records < test.least || last != "cursor" {
					t.Errorf("%d records came, and at the end a %s: want at least %d, and a cursor", records, last, test.least)
				}
			})
		}
	})
}

// TestWhatIsWrittenAfterTheBeginIsBehindTheEnd has a tail without credit wait while more is written.
func TestWhatIsWrittenAfterTheBeginIsBehindTheEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, numbered(0, 10, 1, 0)...)
		c := k.run(t).tail(t, topic, "from=earliest", "until=end", "credit=0", "cursors=0")
		k.produce(t, topic, &kgo.Record{Value: []byte("later")})
		c.send(`{"credit":10}`)
		c.records(10)
		if f := c.frame(); f.Cursor == "" {
			t.Errorf("got %s, want the last cursor", f.text)
		}
		eventually(t, "the end", func() bool { return websocket.CloseStatus(c.ending()) == websocket.StatusNormalClosure })
	})
}
