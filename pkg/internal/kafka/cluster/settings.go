package cluster

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The names of a topic's settings.
const (
	CleanupPolicy   = "cleanup.policy"
	TimestampType   = "message.timestamp.type"
	MaxMessageBytes = "max.message.bytes"
	TimestampBefore = "message.timestamp.before.max.ms"
	TimestampAfter  = "message.timestamp.after.max.ms"
	CompressionType = "compression.type"
)

const (
	// Kafka's defaults, used if the proxy may not describe a topic.
	defaultMaxMessageBytes = 1048588
	defaultAfterMax        = int64(time.Hour / time.Millisecond)

	// batchOverhead is the header of a record batch (Kafka message format v2).
	batchOverhead = 61
	// oldBatchPrefix is the length field before a batch in requests before Kafka 2.8.
	oldBatchPrefix = 4

	// The limits of franz-go: a batch must fit into a request of 100 MiB.
	minBatchBytes = 512
	maxBatchBytes = 90 << 20

	// asProduced is the compression of a topic that keeps batches as they arrive.
	asProduced = "producer"
)

// LargestBatch is franz-go's batch limit for batches as large as it can send.
const LargestBatch int32 = maxBatchBytes

// topicSettings are the settings of a topic by which Kafka refuses records.
type topicSettings struct {
	partitions      int32
	maxMessageBytes int64
	compression     string // a codec, in which Kafka compresses batches again, or asProduced
	compacted       bool
	logAppendTime   bool  // then timestamps are set by the broker and not checked
	beforeMax       int64 // milliseconds that a timestamp may lie in the past
	afterMax        int64 // milliseconds that a timestamp may lie in the future
}

func defaultSettings() topicSettings {
	return topicSettings{maxMessageBytes: defaultMaxMessageBytes, compression: asProduced, beforeMax: math.MaxInt64, afterMax: defaultAfterMax}
}

// readSettings reads the settings of one topic. A setting that a broker does not return has its default.
func readSettings(configs []kmsg.DescribeConfigsResponseResourceConfig) topicSettings {
	s := defaultSettings()
	for i := range configs {
		value := configs[i].Value
		if value == nil {
			continue
		}
		switch configs[i].Name {
		case MaxMessageBytes:
			s.maxMessageBytes = Number(*value, s.maxMessageBytes)
		case CompressionType:
			s.compression = *value
		case CleanupPolicy:
			s.compacted = strings.Contains(*value, "compact")
		case TimestampType:
			s.logAppendTime = *value == "LogAppendTime"
		case TimestampBefore:
			s.beforeMax = Number(*value, s.beforeMax)
		case TimestampAfter:
			s.afterMax = Number(*value, s.afterMax)
		}
	}
	return s
}

// franzBatchBytes returns franz-go's batch limit for batches of at most the given size: it includes the
// length field before a batch, in the form for Kafka 2.8 and newer.
func franzBatchBytes(bytes int64) int32 {
	prefix := int64(unsignedVarint(bytes + 1))
	return int32(min(max(bytes+prefix, minBatchBytes), maxBatchBytes))
}

// maxRecordBytes returns how large a batch of a single record may be: a byte or two less than a batch of
// many. Until a broker has answered its first batch, franz-go counts the length field before a batch in
// the form for Kafka before 2.8, and would never send a larger record.
func (s *topicSettings) maxRecordBytes() int64 {
	return min(s.maxMessageBytes, int64(franzBatchBytes(s.maxMessageBytes))-oldBatchPrefix)
}

// Number parses the value of a setting, and returns otherwise if it is not a number.
func Number(text string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	return otherwise
}

// check refuses a record that Kafka would refuse at the time now.
func (s *topicSettings) check(r *proxy.Record, now time.Time, by *Compression) *proxy.Error {
	switch {
	case r.Partition >= s.partitions:
		return proxy.Errorf(proxy.KindInvalidPartition,
			"partition %d does not exist: the topic has %d.", r.Partition, s.partitions)
	case s.compacted && r.Key == nil:
		return proxy.Errorf(proxy.KindInvalidValue, "key must not be null: the topic is compacted.")
	}
	if size := BatchSize(r); size > s.maxRecordBytes() {
		if e := s.checkCompressed(r, size, by); e != nil {
			return e
		}
	}
	if r.HasTimestamp && !s.logAppendTime {
		return s.checkTimestamp(r.Timestamp, now.UnixMilli())
	}
	return nil
}

// checkCompressed refuses a record that is too large uncompressed and, if it is compressed, also
// compressed. If Kafka compresses it again with another codec, the uncompressed size counts: the size
// after that is not known.
func (s *topicSettings) checkCompressed(r *proxy.Record, size int64, by *Compression) *proxy.Error {
	limit := s.maxMessageBytes
	if by != nil && (s.compression == asProduced || s.compression == by.Codec) {
		if size > int64(LargestBatch)-oldBatchPrefix {
			limit = int64(LargestBatch) - oldBatchPrefix
		} else if size = by.BatchSize(r); size <= limit {
			return nil
		}
	}
	return proxy.Errorf(proxy.KindMessageTooLarge,
		"The message takes %d bytes in Kafka, more than the topic's max.message.bytes of %d allows.", size, limit)
}

func (s *topicSettings) checkTimestamp(timestamp, now int64) *proxy.Error {
	if timestamp > now && timestamp-now > s.afterMax {
		return proxy.Errorf(proxy.KindInvalidValue,
			"timestamp lies further in the future than the topic's message.timestamp.after.max.ms of %d allows.", s.afterMax)
	}
	if timestamp < now-s.beforeMax {
		return proxy.Errorf(proxy.KindInvalidValue,
			"timestamp lies further in the past than the topic's message.timestamp.before.max.ms of %d allows.", s.beforeMax)
	}
	return nil
}

// Compression defines how records are compressed on their way to Kafka.
type Compression struct {
	Codec     string                    // as in the setting compression.type
	BatchSize func(*proxy.Record) int64 // size of a record in a batch of its own
}

// BatchSize returns the size of a record in a batch of its own, uncompressed.
func BatchSize(r *proxy.Record) int64 {
	size := 3 + blob(r.Key) + blob(r.Value) + varint(len(r.Headers)) // 3: attributes and two zero deltas
	for _, h := range r.Headers {
		size += varint(len(h.Key)) + len(h.Key) + blob(h.Value)
	}
	return int64(batchOverhead + varint(size) + size)
}

// blob returns the size of nullable bytes with their length field.
func blob(b []byte) int {
	if b == nil {
		return 1
	}
	return varint(len(b)) + len(b)
}

// unsignedVarint returns the size of a non-negative number in the encoding that Kafka uses for the
// length of a batch.
func unsignedVarint(n int64) int {
	var buf [binary.MaxVarintLen64]byte
	return binary.PutUvarint(buf[:], uint64(n))
}

// varint returns the size of a non-negative length in Kafka's encoding.
func varint(n int) int {
	var buf [binary.MaxVarintLen64]byte
	return binary.PutVarint(buf[:], int64(n))
}
