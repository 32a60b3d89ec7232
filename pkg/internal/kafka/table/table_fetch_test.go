package table

import (
	"encoding/binary"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// fetchAnswer changes what a broker answers to a fetch.
type fetchAnswer func(*kmsg.FetchResponseTopicPartition)

// answerFetches lets kfake answer fetches without records, changed by change.
func answerFetches(t *testing.T, change fetchAnswer) (*tableRig, *atomic.Int64) {
	t.Helper()
	broker := kafkatest.Broker(t)
	r := newTableRig(t, broker.ListenAddrs()...)
	r.create(t, "t", 1, stateSettings...)
	r.produce(t, "t", "a=1 b=2")
	var left atomic.Int64
	left.Store(1000)
	broker.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		if left.Add(-1) < 0 {
			return nil, nil, false
		}
		broker.KeepControl()
		fetch, _ := request.(*kmsg.FetchRequest)
		partition := kmsg.NewFetchResponseTopicPartition()
		partition.HighWatermark = 2
		change(&partition)
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = fetch.Topics[0].Topic, fetch.Topics[0].TopicID
		topic.Partitions = []kmsg.FetchResponseTopicPartition{partition}
		answer := kmsg.NewPtrFetchResponse()
		answer.Version, answer.Topics = fetch.Version, []kmsg.FetchResponseTopic{topic}
		return answer, nil, true
	})
	return r, &left
}

// TestLogThatEndsInAHole uses a log whose last offsets no longer have records.
func TestLogThatEndsInAHole(t *testing.T) {
	r, left := answerFetches(t, func(*kmsg.FetchResponseTopicPartition) {})
	table, n := r.opened(t, "t")
	if used := 1000 - left.Load(); used < emptyFetchesAtEnd {
		t.Errorf("caught up after %d empty answers", used)
	}
	if lag := table.Lag(); lag != 2 {
		t.Errorf("a lag of %d", lag)
	}
	left.Store(0)
	awaitText(t, n, "a=1 b=2")
	if n.check(t); len(n.why()) != 1 {
		t.Errorf("restarts: %q", n.why())
	}
}

// TestErrorsOfFetches checks that reading continues at the same offset after an error.
func TestErrorsOfFetches(t *testing.T) {
	for name, test := range map[string]struct {
		change fetchAnswer
		ready  string
		begins int
	}{
		"no leader":   {func(p *kmsg.FetchResponseTopicPartition) { p.ErrorCode = kerr.NotLeaderForPartition.Code }, "topic t is not served now: ", 1},
		"not allowed": {func(p *kmsg.FetchResponseTopicPartition) { p.ErrorCode = kerr.TopicAuthorizationFailed.Code }, "the use of topic t is not authorised by Kafka", 1},
		"no batch":    {func(p *kmsg.FetchResponseTopicPartition) { p.RecordBatches = make([]byte, 100) }, "fetching from offset 0: the log cannot be decoded", 1},
		"diverging": {
			func(p *kmsg.FetchResponseTopicPartition) { p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset = 1, 1 },
			"topic t was truncated to offset 1, and had been read up to 0: replaying", 2,
		},
		"out of range": {
			func(p *kmsg.FetchResponseTopicPartition) { p.ErrorCode = kerr.OffsetOutOfRange.Code },
			"topic t was truncated: offset 0 is out of its range: replaying", 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, left := answerFetches(t, test.change)
			table, n := r.open(t, "t")
			kafkatest.Await(t, test.ready, func() bool {
				err := table.Ready()
				return err != nil && strings.HasPrefix(err.Error(), test.ready)
			})
			left.Store(0)
			awaitReady(t, table)
			awaitText(t, n, "a=1 b=2")
			if begins := len(n.why()); begins < test.begins || test.begins == 1 && begins > 1 {
				t.Errorf("began %d times: %q", begins, n.why())
			}
		})
	}
}

// batch returns the part of a batch that lastEpoch reads.
func batch(first int64, epoch int32, magic byte, extra int) []byte {
	b := make([]byte, batchPrefix+extra)
	binary.BigEndian.PutUint64(b, uint64(first))
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-12))
	binary.BigEndian.PutUint32(b[12:], uint32(epoch))
	b[16] = magic
	return b
}

func join(batches ...[]byte) (all []byte) {
	for _, b := range batches {
		all = append(all, b...)
	}
	return all
}

func TestLastEpoch(t *testing.T) {
	for name, test := range map[string]struct {
		batches []byte
		before  int64
		want    int32
	}{
		"none":                  {nil, 10, 7},
		"one":                   {batch(0, 3, 2, 50), 10, 3},
		"the last":              {join(batch(0, 3, 2, 50), batch(5, 4, 2, 9), batch(9, 6, 2, 9)), 10, 6},
		"what begins later":     {join(batch(0, 3, 2, 50), batch(10, 4, 2, 50)), 10, 3},
		"an incomplete one":     {join(batch(0, 3, 2, 50), batch(5, 4, 2, 50)[:60]), 10, 3},
		"less than a prefix":    {join(batch(0, 3, 2, 50), []byte{0, 0}), 10, 3},
		"an old format":         {batch(0, 3, 1, 50), 10, 7},
		"a length of minus one": {[]byte("\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00\x02"), 10, 7},
	} {
		if got := lastEpoch(test.batches, test.before, 7); got != test.want {
			t.Errorf("%s: got %d", name, got)
		}
	}
}

// FuzzLastEpoch checks that any bytes result in an epoch that they contain, or in the default.
func FuzzLastEpoch(f *testing.F) {
	f.Add(join(batch(0, 3, 2, 50), batch(5, 4, 2, 50)), int64(10))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\x00\x00\x00\x00\x02"), int64(1))
	f.Fuzz(func(t *testing.T, batches []byte, before int64) {
		got := lastEpoch(batches, before, 7)
		if got != 7 && !strings.Contains(string(batches), string(binary.BigEndian.AppendUint32(nil, uint32(got)))) {
			t.Errorf("got %d", got)
		}
	})
}
