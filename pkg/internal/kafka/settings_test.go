package kafka

import (
	"bytes"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestCheck(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	pinned := func(ms int64) proxy.Record { return proxy.Record{Key: []byte("k"), HasTimestamp: true, Timestamp: ms} }
	strict := func(s *topicSettings) { s.beforeMax, s.afterMax = 100, 200 }
	for name, test := range map[string]struct {
		change func(*topicSettings)
		record proxy.Record
		want   proxy.Kind // KindInternal where it is accepted
	}{
		"any partition":                  {nil, proxy.Record{Partition: proxy.AnyPartition}, 0},
		"the last partition":             {nil, proxy.Record{Partition: 2}, 0},
		"one too many":                   {nil, proxy.Record{Partition: 3}, proxy.KindInvalidPartition},
		"null key":                       {nil, proxy.Record{}, 0},
		"null key, compacted":            {func(s *topicSettings) { s.compacted = true }, proxy.Record{}, proxy.KindInvalidValue},
		"empty key, compacted":           {func(s *topicSettings) { s.compacted = true }, proxy.Record{Key: []byte{}}, 0},
		"tombstone, compacted":           {func(s *topicSettings) { s.compacted = true }, proxy.Record{Key: []byte("k")}, 0},
		"a timestamp of now":             {strict, pinned(1_000_000), 0},
		"at the past's end":              {strict, pinned(999_900), 0},
		"before it":                      {strict, pinned(999_899), proxy.KindInvalidValue},
		"at the future's end":            {strict, pinned(1_000_200), 0},
		"after it":                       {strict, pinned(1_000_201), proxy.KindInvalidValue},
		"the first of all":               {strict, pinned(0), proxy.KindInvalidValue},
		"the last of all":                {strict, pinned(math.MaxInt64), proxy.KindInvalidValue},
		"the smallest number":            {strict, pinned(math.MinInt64), proxy.KindInvalidValue},
		"any past by default":            {nil, pinned(0), 0},
		"an hour ahead by default":       {nil, pinned(1_000_000 + 3_600_000), 0},
		"more by default":                {nil, pinned(1_000_000 + 3_600_001), proxy.KindInvalidValue},
		"not pinned":                     {strict, proxy.Record{Timestamp: 1}, 0},
		"the broker's timestamps":        {func(s *topicSettings) { strict(s); s.logAppendTime = true }, pinned(1), 0},
		"larger than the topic takes":    {nil, proxy.Record{Value: make([]byte, defaultMaxMessageBytes)}, proxy.KindMessageTooLarge},
		"the partition comes before all": {func(s *topicSettings) { s.compacted = true }, proxy.Record{Partition: 3}, proxy.KindInvalidPartition},
	} {
		t.Run(name, func(t *testing.T) {
			s := defaultSettings()
			s.partitions = 3
			if test.change != nil {
				test.change(&s)
			}
			e := s.check(&test.record, now)
			switch {
			case e == nil && test.want != proxy.KindInternal:
				t.Error("accepted")
			case e != nil && e.Kind != test.want:
				t.Errorf("got %v", e)
			}
		})
	}
}

// TestLargestRecord compares with what franz-go sends and a broker takes: the largest record
// that the check allows is written, also as the first of a client, and what is larger than
// the topic's limit is refused by both.
func TestLargestRecord(t *testing.T) {
	for _, limit := range []int64{1000, 16_384, 20_000, 3_000_000} {
		t.Run(strconv.FormatInt(limit, 10), func(t *testing.T) {
			broker := newBroker(t, "t")
			adm, _ := admin(t, broker)
			setTopic(t, adm, "max.message.bytes", strconv.FormatInt(limit, 10))
			c := connect(t, broker)
			c.settings.MaxProducerClients = 100
			topics := watch(t, c)
			topic := open(t, topics, "t")
			pool := newPool(t, c)
			for name, record := range largeRecords() {
				t.Run(name, func(t *testing.T) { testLargest(t, pool.Open(proxy.ClientID(name), topic), record, limit) })
			}
		})
	}
}

func testLargest(t *testing.T, producer *Producer, record proxy.Record, limit int64) {
	t.Helper()
	resize(t, &record, producer.topic.entry.settings.Load().maxRecordBytes())
	if e := producer.Check(&record); e != nil {
		t.Fatalf("the largest is refused: %v", e)
	}
	if _, err := produce(t, producer, record); err != nil {
		t.Errorf("Kafka refuses what the check allows: %v", err)
	}
	if spare := limit - batchSize(&record); spare > 2 {
		t.Errorf("the largest record is %d bytes smaller than the topic allows", spare)
	}
	resize(t, &record, batchSize(&record)+1)
	if e := producer.Check(&record); e == nil || e.Kind != proxy.KindMessageTooLarge {
		t.Errorf("got %v a byte over the limit", e)
	}
	resize(t, &record, limit+1)
	if _, err := produce(t, producer, record); err == nil {
		t.Error("Kafka takes what is larger than the topic allows: a record is smaller than the check thinks")
	}
}

func largeRecords() map[string]proxy.Record {
	return map[string]proxy.Record{
		"no key":         {},
		"empty key":      {Key: []byte{}},
		"a key":          {Key: bytes.Repeat([]byte("k"), 200)},
		"headers":        {Headers: []proxy.Header{{Key: "a", Value: []byte("1")}, {Key: "", Value: nil}, {Key: "b", Value: bytes.Repeat([]byte("x"), 100)}}},
		"many headers":   {Headers: make([]proxy.Header, 100)},
		"a timestamp":    {HasTimestamp: true, Timestamp: 1},
		"all and pinned": {Partition: 2, Key: []byte("k"), Headers: []proxy.Header{{Key: "a", Value: []byte{}}}},
	}
}

// resize gives a record the value with which its batch has so many bytes.
func resize(t *testing.T, r *proxy.Record, size int64) {
	t.Helper()
	r.Value = make([]byte, size)
	for n := size; n > 0; n-- {
		r.Value = r.Value[:n]
		if got := batchSize(r); got == size {
			return
		} else if got > size {
			n -= max(0, got-size-2)
		}
	}
	t.Fatalf("there is no record of %d bytes", size)
}

func TestReadSettings(t *testing.T) {
	text := func(s string) *string { return &s }
	configs := kadm.ResourceConfigs{
		{Name: "all", Configs: []kadm.Config{
			{Key: "max.message.bytes", Value: text("123")},
			{Key: "cleanup.policy", Value: text("delete,compact")},
			{Key: "message.timestamp.type", Value: text("LogAppendTime")},
			{Key: "message.timestamp.before.max.ms", Value: text("5")},
			{Key: "message.timestamp.after.max.ms", Value: text("6")},
		}},
		{Name: "odd", Configs: []kadm.Config{{Key: "max.message.bytes", Value: text("x")}, {Key: "cleanup.policy"}}},
		{Name: "refused", Err: notAuthorised{}},
	}
	for name, want := range map[string]topicSettings{
		"all":     {maxMessageBytes: 123, compacted: true, logAppendTime: true, beforeMax: 5, afterMax: 6},
		"odd":     defaultSettings(),
		"refused": defaultSettings(),
		"missing": defaultSettings(),
	} {
		if got := new(Topics).readSettings(configs, name); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// notAuthorised is an error of one resource.
type notAuthorised struct{}

func (notAuthorised) Error() string { return "not authorised" }

func setTopic(t *testing.T, adm *kadm.Client, name, value string) {
	t.Helper()
	answers, err := adm.AlterTopicConfigs(deadline(t), []kadm.AlterConfig{{Name: name, Value: &value}}, "t")
	if err != nil || answers[0].Err != nil {
		t.Fatal(err, answers)
	}
}

func TestSoftwareVersion(t *testing.T) {
	for version, want := range map[string]string{
		"": "unknown", "dev": "dev", "v1.2.3": "v1.2.3", "v1.2.3-4-gabc-dirty": "v1.2.3-4-gabc-dirty",
		"v1+meta": "v1-meta", "release/1_0": "release-1-0", "-.": "unknown", "ä1-": "1",
	} {
		if got := softwareVersion(version); got != want {
			t.Errorf("%q: got %q, want %q", version, got, want)
		}
	}
}
