package proxy

import (
	"fmt"
	"strconv"
	"strings"
)

// Position identifies a delivered record. Its text is the wsProxyMessageId
// "topic-partition-offset-timestamp".
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp int64 // milliseconds since the epoch
}

// Append appends the wsProxyMessageId of p to dst.
func (p Position) Append(dst []byte) []byte {
	dst = append(dst, p.Topic...)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, int64(p.Partition), 10)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, p.Offset, 10)
	dst = append(dst, '-')
	return strconv.AppendInt(dst, p.Timestamp, 10)
}

// String returns the wsProxyMessageId of p.
func (p Position) String() string { return string(p.Append(nil)) }

// ParsePosition reads a wsProxyMessageId from the right, since topic names contain "-".
// It accepts only the one spelling that Append writes. The timestamp may be negative:
// records of Kafka's oldest message format carry -1.
func ParsePosition(id string) (Position, error) {
	rest, timestamp, ok := cutLast(id)
	if ok && strings.HasSuffix(rest, "-") { // the second "-" of a pair is a sign
		rest, timestamp = rest[:len(rest)-1], "-"+timestamp
	}
	rest, offset, okOffset := cutLast(rest)
	topic, partition, okPartition := cutLast(rest)
	if !ok || !okOffset || !okPartition || topic == "" {
		return Position{}, fmt.Errorf("message id %q is not topic-partition-offset-timestamp", id)
	}
	p := Position{Topic: topic}
	var errs [3]error
	var number int64
	number, errs[0] = strconv.ParseInt(partition, 10, 32)
	p.Partition = int32(number)
	p.Offset, errs[1] = strconv.ParseInt(offset, 10, 64)
	p.Timestamp, errs[2] = strconv.ParseInt(timestamp, 10, 64)
	for _, err := range errs {
		if err != nil {
			return Position{}, fmt.Errorf("message id %q is not topic-partition-offset-timestamp: %w", id, err)
		}
	}
	if p.String() != id {
		return Position{}, fmt.Errorf("message id %q is not in its canonical form %q", id, p)
	}
	return p, nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '-')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
