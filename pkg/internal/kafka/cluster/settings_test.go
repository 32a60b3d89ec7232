package cluster

import (
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestCheck(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	pinned := func(ms int64) proxy.Record { return proxy.Record{Key: []byte("k"), HasTimestamp: true, Timestamp: ms} }
	strict := func(s *topicSettings) { s.beforeMax, s.afterMax = 100, 200 }
	for name, test := range map[string]struct {
		change func(*topicSettings)
		record proxy.Record
		want   proxy.Kind // KindInternal if it is accepted
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
			e := s.check(&test.record, now, nil)
			switch {
			case e == nil && test.want != proxy.KindInternal:
				t.Error("accepted")
			case e != nil && e.Kind != test.want:
				t.Errorf("got %v", e)
			}
		})
	}
}

// TestCheckOfCompressed uses a codec that compresses everything to 100 bytes.
func TestCheckOfCompressed(t *testing.T) {
	by := &Compression{Codec: "zstd", BatchSize: func(*proxy.Record) int64 { return 100 }}
	for name, test := range map[string]struct {
		topic string // its compression.type
		limit int64
		value int
		want  bool
	}{
		"small":                              {asProduced, 1000, 10, true},
		"small compressed":                   {asProduced, 1000, 10_000, true},
		"as small as the limit":              {asProduced, 100, 10_000, true},
		"too large compressed":               {asProduced, 99, 10_000, false},
		"the topic has the same codec":       {"zstd", 1000, 10_000, true},
		"Kafka compresses anew":              {"gzip", 1000, 10_000, false},
		"Kafka uncompresses":                 {"uncompressed", 1000, 10_000, false},
		"larger than franz-go makes a batch": {asProduced, 1000, int(LargestBatch), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := defaultSettings()
			s.partitions, s.maxMessageBytes, s.compression = 3, test.limit, test.topic
			e := s.check(&proxy.Record{Value: make([]byte, test.value)}, time.Now(), by)
			if (e == nil) != test.want || e != nil && e.Kind != proxy.KindMessageTooLarge {
				t.Errorf("got %v", e)
			}
		})
	}
}

func TestReadSettings(t *testing.T) {
	set := func(name, value string) kmsg.DescribeConfigsResponseResourceConfig {
		c := kmsg.NewDescribeConfigsResponseResourceConfig()
		c.Name, c.Value = name, &value
		return c
	}
	unset := kmsg.NewDescribeConfigsResponseResourceConfig()
	unset.Name = CleanupPolicy
	for name, test := range map[string]struct {
		configs []kmsg.DescribeConfigsResponseResourceConfig
		want    topicSettings
	}{
		"all": {
			[]kmsg.DescribeConfigsResponseResourceConfig{
				set("max.message.bytes", "123"), set("cleanup.policy", "delete,compact"), set("message.timestamp.type", "LogAppendTime"),
				set("message.timestamp.before.max.ms", "5"), set("message.timestamp.after.max.ms", "6"),
				set("compression.type", "gzip"),
			},
			topicSettings{maxMessageBytes: 123, compression: "gzip", compacted: true, logAppendTime: true, beforeMax: 5, afterMax: 6},
		},
		"odd":  {[]kmsg.DescribeConfigsResponseResourceConfig{set("max.message.bytes", "x"), unset}, defaultSettings()},
		"none": {nil, defaultSettings()},
	} {
		if got := readSettings(test.configs); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
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
