package outside

import (
	"testing"

	"github.com/coder/websocket"
)

// TestConsumerCutOffSkipsNothing resets the connection of a client that has read some of what
// was written to it: the next one of its group starts at or before the first unread record.
func TestConsumerCutOffSkipsNothing(t *testing.T) {
	t.Parallel()
	const partitions, n, read = 4, 20_000, 1_000
	k := realKafka(t)
	topic := k.topic(partitions)
	k.fill(topic, partitions, n, 200)
	p := serve(t, k.addr, "WSPROXY_CONSUMER_COMMIT_INTERVAL=10ms")
	url := p.url("/socket/out?clientId=c&groupId=" + topic + "&topic=" + topic)

	delivered := newTally(partitions, n/partitions)
	conn, tcp := dialTCP(t, url)
	for range read {
		r := next[record](t, conn)
		delivered.add(r.Partition, r.Offset)
	}
	must(t, tcp.SetLinger(0)) // so that closing sends RST
	must(t, tcp.Close())

	again := dial(t, url)
	seen := map[int32]bool{}
	for delivered.distinct < n {
		r := next[record](t, again)
		if first := delivered.upTo[r.Partition]; !seen[r.Partition] && r.Offset > first {
			t.Errorf("partition %d goes on at %d, read is up to %d", r.Partition, r.Offset, first)
		}
		seen[r.Partition] = true
		delivered.add(r.Partition, r.Offset)
	}
	readOn(t, again)
	await(t, "everything to be committed", func() bool { return sum(k.committed(topic, topic)) == n })
	must(t, again.Close(websocket.StatusNormalClosure, ""))
	if missing := delivered.missing(); missing != 0 {
		t.Errorf("%d records are missing", missing)
	}
	t.Logf("records %d, cut after %d, duplicates %d, missing %d", n, read, delivered.duplicates(), delivered.missing())
}
