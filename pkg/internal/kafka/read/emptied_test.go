package read

import (
	"context"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestLongAnEmptiedLogOfKafkaUnderAnotherLeader deletes all records of a partition, and then has a later leader: Kafka
// tells of the epoch before, of which it has no record, that it ends where the log begins. So nothing is told as
// truncated to a tail that had them all, and one that had some is told that the others have expired.
func TestLongAnEmptiedLogOfKafkaUnderAnotherLeader(t *testing.T) {
	t.Parallel()
	broker := kafka.RequireOwn(t, kafka.Options{DataDir: t.TempDir()})
	r := newRig(t, 1, broker.Addr())
	s := r.source()
	tail := r.read(s, proxy.Places{})
	r.write(0, "a", "b", "c")
	tail.wants("0/0=a", "0/1=b", "0/2=c")
	tail.close()
	before := tail.at[0]
	r.deleteBefore(3)
	if err := broker.Stop(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := broker.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	r.awaitPartitions(1)
	all, err := s.Check(kafkatest.Deadline(t), proxy.Places{0: before})
	if err != nil || all.Next[0].Epoch <= before.Epoch {
		t.Fatalf("%v is %+v: %v; the leader must be a later one", before, all, err)
	}
	if len(all.Gaps) > 0 || all.Next[0].Offset != 3 {
		t.Errorf("who had all is told %+v", all)
	}
	some, err := s.Check(kafkatest.Deadline(t), proxy.Places{0: {Offset: 1, Epoch: before.Epoch}})
	want := proxy.Gap{Partition: 0, From: 1, To: 3, Reason: proxy.GapExpired, Then: some.Next[0]}
	if err != nil || len(some.Gaps) != 1 || some.Gaps[0] != want || want.Then.Offset != 3 {
		t.Errorf("who had one is told %+v: %v", some, err)
	}
}
