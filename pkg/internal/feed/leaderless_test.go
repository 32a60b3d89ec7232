package feed

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// newLeaderlessRig returns a log of two partitions, of which the second one has two records and no leader.
func newLeaderlessRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, 2, 1<<20)
	time.Sleep(time.Second) // between what is there and what tails begin with
	r.write(1, "old0", "old1")
	time.Sleep(time.Second)
	r.kafka.change(func() { r.kafka.partitions[1].leaderless = true })
	r.log.fetched, _ = r.kafka.Ends(t.Context())
	return r
}

// lead has the second partition have a leader, which gets a record. The rings get all from there on.
func (r *rig) lead(keys ...string) {
	r.kafka.lead()
	r.log.deliver(proxy.Batch{Next: r.kafka.known(r.log.fetched)})
	r.fetch(r.write(1, keys...)...)
}

// TestAPartitionWithoutALeaderHoldsUpNothingElse has tails at the end, from before, and from other replicas.
func TestAPartitionWithoutALeaderHoldsUpNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			at   func(fetched proxy.Places) proxy.Place // nil for the end of both partitions
			want []string
		}{
			"at the end":                        {nil, nil},
			"where another replica has offsets": {func(proxy.Places) proxy.Place { return proxy.Place{Offset: 1, Epoch: 0} }, []string{"record:1:1:0"}},
			"of an earlier time": {func(fetched proxy.Places) proxy.Place {
				return proxy.AtTime(fetched[1].Time() - 1500) // before the records
			}, []string{"record:1:0:0", "record:1:1:0"}},
			"from the start on": {func(proxy.Places) proxy.Place { return proxy.AtTime(0) }, []string{"record:1:0:0", "record:1:1:0"}},
			"of a later time":   {func(fetched proxy.Places) proxy.Place { return proxy.AtTime(fetched[1].Time() + 1) }, nil},
		} {
			r := newLeaderlessRig(t)
			var options TailOptions
			if test.at != nil {
				options.At = proxy.Places{0: {Offset: 0, Epoch: -1}, 1: test.at(r.log.fetched)}
			}
			if name == "from the start on" { // as before there was the partition
				delete(options.At, 1)
			}
			tail, other := r.open(options), r.open(options) // no two can read the log themselves at one time
			r.fetch(r.write(0, "a")...)
			tail.want("record:0:0:0")
			other.want("record:0:0:0")
			r.fetch(r.write(0, "a")...) // in a chunk of its own
			tail.want("record:0:1:0")
			other.want("record:0:1:0")
			cursor, _ := tail.Cursor()
			if test.at != nil && cursor.Places[1] != test.at(r.log.fetched) {
				t.Errorf("%s: the cursor has %v", name, cursor.Places[1])
			}
			time.Sleep(time.Second)
			r.lead("new")
			tail.want(append(test.want, "record:1:2:0")...)
			other.want(append(test.want, "record:1:2:0")...)
		}
	})
}

// TestNewestRecordsOfAPartitionWithoutALeaderAreRefused since they are not known.
func TestNewestRecordsOfAPartitionWithoutALeaderAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLeaderlessRig(t)
		_, err := r.log.Open(t.Context(), TailOptions{
			Variant: "v", NewEncoder: func() Encoder { return textEncoder{} }, Snapshot: true, Wake: func() {},
		})
		if got := proxy.AsError(err); err == nil || got.Kind != proxy.KindKafkaUnavailable {
			t.Errorf("got %v", err)
		}
	})
}

// TestASkippingTailKeepsItsPlaceWithoutALeader falls behind where another partition has no leader: it skips nothing there.
func TestASkippingTailKeepsItsPlaceWithoutALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLeaderlessRig(t)
		r.log.memory.limit = 1 // the ring holds the newest record alone
		tail := r.open(TailOptions{Slow: SlowSkip, At: proxy.Places{0: {Offset: 0, Epoch: -1}, 1: proxy.AtTime(0)}})
		for range 3 {
			r.fetch(r.write(0, "a")...)
		}
		tail.want("SLOW:0:0:3")
		r.lead("new")
		tail.want("record:1:0:0", "record:1:1:0", "record:1:2:0")
	})
}
