package e2e

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestTailsWithConditionsGoOnTogether has many tails with conditions, and such as take the latest, go on at a cursor behind
// which there is something. As those without, they need no reader each: what they are given was encoded before.
func TestTailsWithConditionsGoOnTogether(t *testing.T) {
	const before, behind, tails = 30, 60, 60
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.start(t) // other tests have records encoded, too
		count := func(from, to int) (records []*kgo.Record) {
			for n := from; n < to; n++ {
				records = append(records, &kgo.Record{Key: fmt.Append(nil, n), Value: fmt.Appendf(nil, `{"n":%d}`, n)})
			}
			return records
		}
		holds := p.tail(t, topic, "valType=json", "cursors=20") // the replica has what comes from here on
		k.produce(t, topic, count(0, before)...)
		isLast := func(offset int64) func(f *tailFrame) bool {
			return func(f *tailFrame) bool { return f.kind() == "record" && f.Offset == offset }
		}
		holds.until(isLast(before - 1))
		cursor := holds.cursor()
		k.produce(t, topic, count(before, before+behind)...)
		holds.until(isLast(before + behind - 1))
		encoded := p.metric(t, "wsproxy_tail_encodings_total")
		for n := range tails {
			parameters := [][]string{
				{fmt.Sprintf(`where={"json":"/n","gte":%d}`, before+n%2)}, {"slow=latest"}, {`where={"json":"/n","gte":0}`, "slow=latest"},
			}[n%3]
			c := p.resume(t, topic, cursor, append(parameters, "valType=json")...)
			var given []int64
			for _, f := range c.until(isLast(before + behind - 1)) {
				if f.kind() == "record" {
					given = append(given, f.Offset)
				}
			}
			if want := behind - 1; len(given) != want && (n%2 == 0 || len(given) != want-1) {
				t.Errorf("with %q %d records come before the last, want %d: %v", parameters, len(given), want, given)
			}
			c.close()
		}
		// A sweep that a busy machine has given up leaves some to themselves.
		if more := p.metric(t, "wsproxy_tail_encodings_total") - encoded; more > tails*behind/4 {
			t.Errorf("%v records were encoded for %d tails, which the replica had", more, tails)
		}
	})
}
