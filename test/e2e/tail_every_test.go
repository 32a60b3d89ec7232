package e2e

import (
	"fmt"
	"slices"
	"testing"
)

// TestTailEveryGoesOnWithOtherKeys changes what a tail with an interval wants, while a record waits for its end: nothing
// comes again.
func TestTailEveryGoesOnWithOtherKeys(t *testing.T) {
	cases := map[string]struct {
		parameters []string
		command    string
	}{
		"tracked":          {[]string{"key=a"}, `{"track":{"topic":%q,"keys":["b"]}}`},
		"replaced":         {[]string{"key=a"}, `{"subscribe":{"topic":%q,"keys":["a","b"]}}`},
		"subscribed again": {nil, `{"subscribe":{"topic":%q}}`},
	}
	onBoth(t, func(t *testing.T, k *cluster) {
		p := k.run(t)
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				topic := k.topic(t, 1)
				tail := p.tail(t, topic, append([]string{"every=60000"}, c.parameters...)...)
				k.mark(t, topic, "a")
				tail.records(1)
				k.mark(t, topic, "a") // waits
				tail.send(fmt.Sprintf(c.command, topic))
				tail.expect("subscribed")
				k.mark(t, topic, "b")
				if f := tail.expect("record"); f.Offset != 2 {
					t.Errorf("got %s", f.text)
				}
			})
		}
	})
}

// TestTailEveryIsGivenWhatWaited when it goes on at its cursor, also where it has a later record of another key.
func TestTailEveryIsGivenWhatWaited(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.run(t)
		c := p.tail(t, topic, "every=60000", "cursors=20")
		for _, key := range []string{"c", "a"} {
			k.mark(t, topic, key)
			c.records(1)
		}
		cursor := c.cursor()
		k.mark(t, topic, "a") // waits
		k.mark(t, topic, "b")
		if f := c.expect("record"); f.Offset != 3 {
			t.Errorf("got %s", f.text)
		}
		again := p.tail(t, topic, "from=cursor:"+cursor, "after=0:3", "every=60000")
		var offsets []int64
		for !slices.Contains(offsets, 2) {
			offsets = append(offsets, again.expect("record").Offset)
		}
	})
}
