package e2e

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestTailBeginsWhileAPartitionHasNoLeader opens tails, and has one come back by its cursor, before the partition can be
// read.
func TestTailBeginsWhileAPartitionHasNoLeader(t *testing.T) {
	t.Parallel()
	k := fakeCluster(t)
	topic, p := k.topic(t, 2), k.run(t)
	k.produce(t, topic, &kgo.Record{Partition: 1, Value: []byte("before"), Timestamp: time.Now().Add(-time.Hour)})
	fault := shared.fake.Fault(kfake.Fault{
		Keys:  []kmsg.Key{kmsg.Fetch, kmsg.ListOffsets, kmsg.OffsetForLeaderEpoch},
		Topic: topic, Partitions: []int32{1}, Err: kerr.LeaderNotAvailable, Count: -1,
	})
	defer fault.Remove()
	latest, earliest := p.tail(t, topic), p.tail(t, topic, "from=earliest")
	leaving := p.tail(t, topic)
	k.produce(t, topic, &kgo.Record{Partition: 0, Value: []byte("meanwhile")})
	for _, c := range []*tail{latest, earliest, leaving} {
		if f := c.expect("record"); f.Partition != 0 || f.Offset != 0 {
			t.Errorf("got %s", f.text)
		}
	}
	cursor := leaving.cursor()
	leaving.close()
	k.produce(t, topic, &kgo.Record{Partition: 1, Value: []byte("unread")})
	back := p.resume(t, topic, cursor)
	fault.Remove()
	for name, test := range map[string]struct {
		c     *tail
		first int64
	}{"latest": {latest, 1}, "resumed": {back, 1}, "earliest": {earliest, 0}} {
		for offset := test.first; offset <= 1; offset++ {
			if f := test.c.expect("record"); f.Partition != 1 || f.Offset != offset {
				t.Errorf("%s: got %s, want record %d", name, f.text, offset)
			}
		}
	}
}
