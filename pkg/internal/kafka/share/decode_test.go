package share

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// rawBatches returns what a partition's log has, as a fetch returns it.
func (r *rig) rawBatches() []byte {
	r.Helper()
	request := kmsg.NewPtrFetchRequest()
	request.MaxBytes, request.MaxWaitMillis = 1<<20, 100
	topic := kmsg.NewFetchRequestTopic()
	topics, err := r.admin.ListTopics(kafkatest.Deadline(r), r.topic)
	if err != nil {
		r.Fatal(err)
	}
	topic.Topic, topic.TopicID = r.topic, topics[r.topic].ID
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.PartitionMaxBytes = 1 << 20
	topic.Partitions = append(topic.Partitions, partition)
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(kafkatest.Deadline(r), r.client)
	if err != nil || len(answer.Topics) != 1 {
		r.Fatal(err, answer)
	}
	return answer.Topics[0].Partitions[0].RecordBatches
}

// outcome is what a decoder makes of offsets, as "3=value", "4:gap" or "5:release".
func outcome(all []acquired) string {
	var texts []string
	for i := range all {
		switch a := &all[i]; {
		case a.record != nil:
			texts = append(texts, fmt.Sprintf("%d=%s", a.offset, a.record.Value))
		case a.refuse == gap:
			texts = append(texts, fmt.Sprintf("%d:gap", a.offset))
		default:
			texts = append(texts, fmt.Sprintf("%d:release", a.offset))
		}
	}
	return strings.Join(texts, " ")
}

func acquiredRange(first, last int64) kmsg.ShareFetchResponseTopicPartitionAcquiredRecord {
	r := kmsg.NewShareFetchResponseTopicPartitionAcquiredRecord()
	r.FirstOffset, r.LastOffset, r.DeliveryCount = first, last, 1
	return r
}

func TestAcquiredOffsetsAreRecordsGapsOrReleased(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	r.write(0, "a", "b", "c") // 0 to 2
	tx, err := kgo.NewClient(kgo.SeedBrokers(r.hosts...), kgo.TransactionalID(r.topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Close()
	if err := tx.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := tx.ProduceSync(kafkatest.Deadline(t), &kgo.Record{Topic: r.topic, Value: []byte("d")}).FirstErr(); err != nil { // 3
		t.Fatal(err)
	}
	if err := tx.EndTransaction(kafkatest.Deadline(t), kgo.TryCommit); err != nil { // its marker is 4
		t.Fatal(err)
	}
	r.write(0, "e", "f") // 5 and 6
	raw := r.rawBatches()
	first := batchPrefix + int(raw[batchLength+3]) + int(raw[batchLength+2])<<8
	spoilt := append([]byte(nil), raw...)
	spoilt[first-1] ^= 1
	for name, test := range map[string]struct {
		raw     []byte
		ranges  []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord
		want    string
		corrupt int
	}{
		"all":                      {raw, []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{acquiredRange(0, 6)}, "0=a 1=b 2=c 3=d 4:gap 5=e 6=f", 0},
		"some":                     {raw, []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{acquiredRange(5, 5), acquiredRange(1, 1)}, "1=b 5=e", 0},
		"the marker alone":         {raw, []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{acquiredRange(4, 4)}, "4:gap", 0},
		"a batch was removed":      {raw[first:], []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{acquiredRange(1, 3)}, "1:gap 2:gap 3=d", 0},
		"more than was returned":   {raw, []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{acquiredRange(6, 8)}, "6=f 7:release 8:release", 0},
		"nothing was returned":     {nil, []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{acquiredRange(0, 1)}, "0:release 1:release", 0},
		"the last batch is partly": {raw[:len(raw)-1], []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{acquiredRange(3, 6)}, "3=d 4:gap 5:release 6:release", 0},
		"a batch is corrupt":       {spoilt, []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{acquiredRange(1, 3)}, "1:release 2:release 3=d", 1},
		"another batch is corrupt": {spoilt, []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{acquiredRange(3, 3)}, "3=d", 0},
	} {
		t.Run(name, func(t *testing.T) {
			corrupt := 0
			d := decoder{decompressor: kgo.DefaultDecompressor(), corrupt: func(int64, error) { corrupt++ }}
			if got := outcome(d.decode(0, test.raw, test.ranges)); got != test.want || corrupt != test.corrupt {
				t.Errorf("got %q and %d corrupt batches, want %q and %d", got, corrupt, test.want, test.corrupt)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x31"), int64(0), int64(3))
	f.Add(make([]byte, 200), int64(5), int64(6))
	f.Fuzz(func(t *testing.T, raw []byte, first, length int64) {
		length = max(0, min(length, 100))
		first = max(0, first) % (1 << 40)
		d := decoder{decompressor: kgo.DefaultDecompressor(), corrupt: func(int64, error) {}}
		all := d.decode(0, raw, []kmsg.ShareFetchResponseTopicPartitionAcquiredRecord{acquiredRange(first, first+length)})
		if int64(len(all)) != length+1 {
			t.Fatalf("%d offsets of %d", len(all), length+1)
		}
		for i := range all {
			if a := &all[i]; a.offset != first+int64(i) || a.record != nil && a.record.Offset != a.offset {
				t.Fatalf("offset %d is at %d", a.offset, i)
			}
		}
	})
}

func TestTheDecoderHasABound(t *testing.T) {
	r := fakeRig(t, 1)
	r.create(r.topic, 1)
	p := r.pod()
	h := p.open(1)
	large := make([]byte, 64<<20)
	packed, err := kgo.DefaultCompressor(kgo.ZstdCompression())
	if err != nil {
		t.Fatal(err)
	}
	bomb, _ := packed.Compress(new(bytes.Buffer), large)
	m := h.member()
	if _, err := m.decoder.decompressor.Decompress(bomb, kgo.CodecZstd); !errors.Is(err, kgo.ErrMaxDecompress) {
		t.Errorf("%d bytes expand to %d: %v", len(bomb), len(large), err)
	}
}
