package produce

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestPartitionOfKey takes the hashes from Java: UtilsTest.testMurmur2 of Apache Kafka. Its
// default partitioner clears the sign and takes the remainder.
func TestPartitionOfKey(t *testing.T) {
	p := newPartitioner().ForTopic("t")
	for key, hash := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		for _, n := range []int{1, 3, 4, 10, 1000} {
			want := int(hash&0x7fffffff) % n
			if got := p.Partition(&kgo.Record{Key: []byte(key)}, n); got != want {
				t.Errorf("%q of %d: got %d, want %d", key, n, got, want)
			}
		}
	}
}

func TestEmptyKeyIsAKey(t *testing.T) {
	p := newPartitioner().ForTopic("t")
	first := p.Partition(&kgo.Record{Key: []byte{}}, 1000)
	for range 20 {
		onNewBatch(t, p)
		if got := p.Partition(&kgo.Record{Key: []byte{}}, 1000); got != first {
			t.Fatalf("got %d after %d", got, first)
		}
	}
	if !p.RequiresConsistency(&kgo.Record{Key: []byte{}}) {
		t.Error("may move")
	}
}

func TestPinnedStaysPinned(t *testing.T) {
	p := newPartitioner().ForTopic("t")
	for _, key := range [][]byte{nil, {}, []byte("foobar")} {
		r := &kgo.Record{Key: key, Partition: 7, Context: pinned{t.Context()}}
		if got := p.Partition(r, 10); got != 7 {
			t.Errorf("key %q: got %d", key, got)
		}
		if !p.RequiresConsistency(r) {
			t.Errorf("key %q may move", key)
		}
	}
	// A partition that franz-go itself left in a record does not pin the record.
	if got := p.Partition(&kgo.Record{Key: []byte("foobar"), Partition: 7, Context: t.Context()}, 10); got == 7 {
		t.Errorf("got %d", got)
	}
}

// TestNullKeysStick checks that records without a key stay with one partition for a batch and use
// another one after it.
func TestNullKeysStick(t *testing.T) {
	p := newPartitioner().ForTopic("t")
	null := &kgo.Record{}
	if p.RequiresConsistency(null) {
		t.Error("may not move")
	}
	seen := make(map[int]bool)
	for range 50 {
		first := p.Partition(null, 4)
		for range 10 {
			if got := p.Partition(null, 4); got != first {
				t.Fatalf("moved from %d to %d within a batch", first, got)
			}
		}
		seen[first] = true
		onNewBatch(t, p)
		if next := p.Partition(null, 4); next == first {
			t.Fatalf("stayed at %d", next)
		}
	}
	if len(seen) != 4 {
		t.Errorf("saw the partitions %v", seen)
	}
}

func onNewBatch(t *testing.T, p kgo.TopicPartitioner) {
	t.Helper()
	sticky, ok := p.(kgo.TopicPartitionerOnNewBatch)
	if !ok {
		t.Fatal("the partitioner is not notified of new batches")
	}
	sticky.OnNewBatch()
}
