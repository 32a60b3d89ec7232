package e2e

import "testing"

// TestTailIsToldOfPartitionsThatATopicMadeAgainLacks: of one that its cursor knows, and of one of which it has a record
// beyond the cursor alone. When they are added again, their records follow the gaps.
func TestTailIsToldOfPartitionsThatATopicMadeAgainLacks(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 2), k.run(t)
		k.produce(t, topic, numbered(0, 4, 2, 0)...)
		cursor := p.cursorAt(t, topic, 4)
		k.again(t, topic, 1)
		c := p.tail(t, topic, "from=cursor:"+cursor, "after=2:0") // a partition that was added behind the cursor
		c.wantLost("RECREATED")
		for partition, to := range []int64{2, 2, 1} {
			if f := c.expect("gap"); *f.Gap != (tailGap{topic, int32(partition), 0, to, "RECREATED"}) {
				t.Errorf("got %s", f.text)
			}
		}
		k.addPartitions(t, topic, 2)
		eventually(t, "the added partitions have leaders", func() bool {
			ends, err := k.admin.ListEndOffsets(t.Context(), topic)
			return err == nil && ends.Error() == nil && len(ends[topic]) == 3
		})
		k.client.PurgeTopicsFromProducing(topic)
		k.produce(t, topic, numbered(10, 3, 3, 0)...)
		for _, f := range c.records(3) {
			if f.Offset != 0 {
				t.Errorf("got %s", f.text)
			}
		}
	})
}
