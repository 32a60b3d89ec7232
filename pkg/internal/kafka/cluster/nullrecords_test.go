package cluster

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// produceRequest returns a request with a batch for each partition; a nil batch is null.
func produceRequest(version int16, batches ...[]byte) []byte {
	r := kmsg.NewPtrProduceRequest()
	r.Version, r.Acks, r.TimeoutMillis = version, -1, 10_000
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = "t", [16]byte{1}
	for i, batch := range batches {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = int32(i), batch
		topic.Partitions = append(topic.Partitions, p)
	}
	r.Topics = append(r.Topics, topic)
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("somebody")).AppendRequest(nil, r, 7)
}

func TestNullRecordsAreLeftOut(t *testing.T) {
	a, b := []byte("a batch"), []byte("another batch")
	cases := []struct {
		name    string
		batches [][]byte
		want    []int32 // the remaining partitions
	}{
		{"none", [][]byte{a, b}, []int32{0, 1}},
		{"the first", [][]byte{nil, a, b}, []int32{1, 2}},
		{"the last", [][]byte{a, b, nil}, []int32{0, 1}},
		{"all", [][]byte{nil, nil}, nil},
	}
	for _, c := range cases {
		for _, version := range []int16{3, 8, 9, 12, 13} {
			written := arrives(t, produceRequest(version, c.batches...))
			if length := binary.BigEndian.Uint32(written); int(length) != len(written)-4 {
				t.Errorf("%s, version %d: the length is %d, of %d", c.name, version, length, len(written)-4)
			}
			r := kmsg.NewPtrProduceRequest()
			r.Version = version
			if err := r.ReadFrom(produceBody(written, r.IsFlexible())); err != nil {
				t.Fatalf("%s, version %d: %v", c.name, version, err)
			}
			var left []int32
			for _, topic := range r.Topics {
				for _, p := range topic.Partitions {
					left = append(left, p.Partition)
					if !bytes.Equal(p.Records, c.batches[p.Partition]) {
						t.Errorf("%s, version %d: partition %d got %q", c.name, version, p.Partition, p.Records)
					}
				}
			}
			if len(left) != len(c.want) || r.Acks != -1 || r.TimeoutMillis != 10_000 {
				t.Errorf("%s, version %d: partitions %v are left of %+v", c.name, version, left, r)
			}
		}
	}
}

func TestOtherRequestsAreWrittenAsTheyAre(t *testing.T) {
	metadata := kmsg.NewRequestFormatter().AppendRequest(nil, kmsg.NewPtrMetadataRequest(), 1)
	whole := produceRequest(13, []byte("a batch"))
	for name, request := range map[string][]byte{
		"metadata": metadata, "whole": whole, "cut": whole[:len(whole)-9], "head": whole[:9], "empty": {0}, "nothing": {},
	} {
		if written := arrives(t, request); !bytes.Equal(written, request) {
			t.Errorf("%s: %x became %x", name, request, written)
		}
	}
}

// arrives returns the part of a request that arrives.
func arrives(t *testing.T, request []byte) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	conn := dialed(t, func(context.Context, string, string) (net.Conn, error) { return ours, nil })
	go func() {
		defer func() { _ = conn.Close() }()
		if n, err := conn.Write(request); n != len(request) || err != nil {
			t.Errorf("writing %d bytes: %d, %v", len(request), n, err)
		}
	}()
	arrived, err := io.ReadAll(theirs)
	if err != nil {
		t.Fatal(err)
	}
	return arrived
}

func dialed(t *testing.T, dial dialFunc) net.Conn {
	t.Helper()
	conn, err := withoutNullRecords(dial)(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestKafkaAnswersWhereRecordsAreNull sends the request that franz-go sends when a batch fails while its
// request waits: Kafka would not answer it.
func TestKafkaAnswersWhereRecordsAreNull(t *testing.T) {
	broker := kafka.RequireOwn(t, kafka.Options{})
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if _, err := kadm.NewClient(client).CreateTopic(kafkatest.Deadline(t), 1, 1, nil, "t"); err != nil {
		t.Fatal(err)
	}
	var dialer net.Dialer
	conn := dialed(t, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", broker.Addr())
	})
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(kafkatest.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(produceRequest(12, nil)); err != nil {
		t.Fatal(err)
	}
	var head [8]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		t.Fatalf("Kafka does not answer: %v", err)
	}
	if correlation := binary.BigEndian.Uint32(head[4:]); correlation != 7 {
		t.Errorf("the answer is that of request %d", correlation)
	}
}
