package consume

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// write writes values to a partition of the topic "t".
func write(t *testing.T, broker *kfake.Cluster, partition int32, values ...string) {
	t.Helper()
	_, client := kafkatest.Admin(t, broker)
	for _, v := range values {
		record := &kgo.Record{Topic: "t", Partition: partition, Value: []byte(v)}
		if err := client.ProduceSync(kafkatest.Deadline(t), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func commitAs(t *testing.T, broker *kfake.Cluster, partition int32, offset int64) {
	t.Helper()
	adm, _ := kafkatest.Admin(t, broker)
	offsets := kadm.Offsets{}
	offsets.AddOffset("t", partition, offset, -1)
	if err := adm.CommitAllOffsets(kafkatest.Deadline(t), "g", offsets); err != nil {
		t.Fatal(err)
	}
}

func committed(t *testing.T, broker *kfake.Cluster, partition int32) int64 {
	t.Helper()
	adm, _ := kafkatest.Admin(t, broker)
	offsets, err := adm.FetchOffsets(kafkatest.Deadline(t), "g")
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := offsets.Lookup("t", partition); ok {
		return o.At
	}
	return -1
}

func consume(t *testing.T, broker *kfake.Cluster, reset OffsetReset, o proxy.Owner) *Consumer {
	t.Helper()
	return consumeAs(t, broker, "c", reset, o)
}

func consumeAs(t *testing.T, broker *kfake.Cluster, client proxy.ClientID, reset OffsetReset, o proxy.Owner) *Consumer {
	t.Helper()
	c := clustertest.Connect(t, broker)
	consumer, err := consumersOf(t, c).Join(Options{
		ClientID: client, GroupID: "g", Topic: topicOf(t, c, "t"), Reset: reset, SessionTimeout: 10 * time.Second, Owner: o,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { consumer.Close(kafkatest.Deadline(t), true) })
	return consumer
}

// poll polls until there are n records.
func poll(t *testing.T, c *Consumer, n int) []string {
	t.Helper()
	var got []string
	for len(got) < n {
		records, err := c.Poll(kafkatest.Deadline(t), 100, nil, func() {})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			got = append(got, fmt.Sprintf("%d/%d=%s", r.Partition, r.Offset, r.Value))
		}
	}
	return got
}

func TestAssignedEarliest(t *testing.T) {
	broker, o := kafkatest.Broker(t, "t"), &kafkatest.Owner{}
	write(t, broker, 0, "a", "b", "c")
	write(t, broker, 1, "x")
	commitAs(t, broker, 0, 2)
	got := poll(t, consume(t, broker, ResetEarliest, o), 2)
	if strings.Contains(strings.Join(got, " "), "0/0") || len(got) != 2 {
		t.Errorf("got %q", got)
	}
	if starts := fmt.Sprint(o.Starts()); starts != "map[0:2 1:0 2:0]" {
		t.Errorf("starts at %s", starts)
	}
}

func TestAssignedLatest(t *testing.T) {
	broker, o := kafkatest.Broker(t, "t"), &kafkatest.Owner{}
	write(t, broker, 0, "a", "b", "c")
	write(t, broker, 1, "x", "y")
	commitAs(t, broker, 0, 1)
	commitAs(t, broker, 2, 0)
	consumer := consume(t, broker, ResetLatest, o)
	if got := poll(t, consumer, 2); fmt.Sprint(got) != "[0/1=b 0/2=c]" { // the committed offset counts
		t.Errorf("got %q", got)
	}
	if starts := fmt.Sprint(o.Starts()); starts != "map[0:1 1:2 2:0]" {
		t.Errorf("starts at %s", starts)
	}
	write(t, broker, 1, "z")
	if got := poll(t, consumer, 1); fmt.Sprint(got) != "[1/2=z]" {
		t.Errorf("got %q", got)
	}
}

func TestNoneWithoutCommit(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a")
	_, err := consume(t, broker, ResetNone, &kafkatest.Owner{}).Poll(kafkatest.Deadline(t), 10, nil, func() {})
	if kafkatest.KindOf(err) != proxy.KindOffsetOutOfRange {
		t.Errorf("got %v", err)
	}
}

func TestNoneBeyondTheEnd(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	for partition := range int32(3) {
		commitAs(t, broker, partition, 100)
	}
	_, err := consume(t, broker, ResetNone, &kafkatest.Owner{}).Poll(kafkatest.Deadline(t), 10, nil, func() {})
	if kafkatest.KindOf(err) != proxy.KindOffsetOutOfRange {
		t.Errorf("got %v", err)
	}
}

func TestNoneWithCommits(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	for partition := range int32(3) {
		commitAs(t, broker, partition, 0)
	}
	write(t, broker, 0, "a")
	if got := poll(t, consume(t, broker, ResetNone, &kafkatest.Owner{}), 1); fmt.Sprint(got) != "[0/0=a]" {
		t.Errorf("got %q", got)
	}
}

func TestPollEndsWithItsContext(t *testing.T) {
	consumer := consume(t, kafkatest.Broker(t, "t"), ResetEarliest, &kafkatest.Owner{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if records, err := consumer.Poll(ctx, 10, nil, func() {}); !errors.Is(err, context.Canceled) || len(records) != 0 {
		t.Errorf("got %v, %v", records, err)
	}
}

func TestPollTakesAtMost(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a", "b", "c", "d", "e")
	consumer := consume(t, broker, ResetEarliest, &kafkatest.Owner{})
	for n := 0; n < 5; {
		records, err := consumer.Poll(kafkatest.Deadline(t), 2, nil, func() {})
		if err != nil || len(records) == 0 || len(records) > 2 {
			t.Fatalf("got %d records, %v", len(records), err)
		}
		n += len(records)
	}
}

func TestCloseCommitsWhatTheOwnerSays(t *testing.T) {
	broker := kafkatest.Broker(t, "t")
	write(t, broker, 0, "a", "b", "c")
	o := &kafkatest.Owner{Commits: []proxy.Next{{Partition: 0, Offset: 2}}}
	consumer := consume(t, broker, ResetEarliest, o)
	poll(t, consumer, 3)
	consumer.Close(kafkatest.Deadline(t), true)
	if len(o.WasRevoked()) != 3 {
		t.Errorf("revoked were %v", o.WasRevoked())
	}
	if got := committed(t, broker, 0); got != 2 {
		t.Errorf("committed is %d", got)
	}
}
