package produce

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// grow increases the number of partitions of the topic "t".
func (r *rig) grow(t *testing.T, partitions int) {
	t.Helper()
	if _, err := r.admin.UpdatePartitions(kafkatest.Deadline(t), partitions, "t"); err != nil {
		t.Fatal(err)
	}
}

// TestAPartitionThatWasJustAdded writes to a new partition at once, with clients that have written
// before.
func TestAPartitionThatWasJustAdded(t *testing.T) {
	for name, open := range map[string]func(*testing.T, *rig) func(*proxy.Record) (proxy.Ack, *proxy.Error){
		"pooled": func(t *testing.T, r *rig) func(*proxy.Record) (proxy.Ack, *proxy.Error) {
			t.Helper()
			p := r.pool.Open("c", open(t, r.topics, "t"))
			return func(record *proxy.Record) (proxy.Ack, *proxy.Error) {
				if e := p.Check(record); e != nil {
					return proxy.Ack{}, e
				}
				if ack, err := kafkatest.Produce(t, p, *record); err == nil {
					return ack, nil
				} else {
					return ack, proxy.AsError(err)
				}
			}
		},
		"in transactions": func(t *testing.T, r *rig) func(*proxy.Record) (proxy.Ack, *proxy.Error) {
			t.Helper()
			tx := transactions(t, r.pool, open(t, r.topics, "t"))
			return func(record *proxy.Record) (proxy.Ack, *proxy.Error) {
				if e := tx.Check(record); e != nil {
					return proxy.Ack{}, e
				}
				acks, e := kafkatest.CommitRecords(tx, time.Now().Add(kafkatest.Patience), []*proxy.Record{record})
				if e != nil {
					return proxy.Ack{}, e
				}
				kafkatest.Settle(t, tx)
				return acks[0], nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			write := open(t, r)
			if _, e := write(&proxy.Record{Partition: 2}); e != nil {
				t.Fatal(e)
			}
			for _, partitions := range []int32{4, 9} {
				r.grow(t, int(partitions))
				if ack, e := write(&proxy.Record{Partition: partitions - 1}); e != nil || ack.Partition != partitions-1 {
					t.Errorf("got %+v, %v", ack, e)
				}
			}
			_, e := write(&proxy.Record{Partition: 9})
			kafkatest.WantKind(t, e, proxy.KindInvalidPartition)
			r.broker.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.UnknownServerError, Count: -1})
			_, e = write(&proxy.Record{Partition: 9})
			kafkatest.WantKind(t, e, proxy.KindKafkaUnavailable)
		})
	}
}
