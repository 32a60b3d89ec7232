package codec

import (
	"math"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// envelope is a produce message as spans of the frame, not validated yet. Of members that occur
// twice it has the last.
type envelope struct {
	key, value                        field
	headers, id, partition, timestamp token
}

// scan reads the object at which the scanner is.
func (e *envelope) scan(s *scanner) {
	for name := range s.members {
		switch string(name) {
		case "key":
			e.key.scan(s)
		case "value":
			e.value.scan(s)
		case "headers":
			s.value(&e.headers)
		case "messageId":
			s.value(&e.id)
		case "partition":
			s.value(&e.partition)
		case "timestamp":
			s.value(&e.timestamp)
		default:
			s.skip()
		}
	}
}

// messageID gives m the messageId, if there is one.
func (e *envelope) messageID(s *scanner, m *Message) *proxy.Error {
	switch {
	case isAbsent(&e.id):
		return nil
	case e.id.kind != kindString:
		return wrongShape(s, "messageId", &e.id, "a string")
	case e.id.lone:
		return loneSurrogate(s, "messageId", &e.id)
	}
	m.ID, m.HasID = string(s.text(&e.id)), true
	return nil
}

// pinnedPartition returns the partition asked for, or proxy.AnyPartition. Whether the topic
// has it is not checked here.
func (e *envelope) pinnedPartition(s *scanner) (int32, *proxy.Error) {
	if isAbsent(&e.partition) {
		return proxy.AnyPartition, nil
	}
	if e.partition.kind != kindNumber {
		return 0, wrongShape(s, "partition", &e.partition, "an integer of 0 or more")
	}
	n, ok := ParseInteger(s.raw(&e.partition))
	if !ok || n < 0 || n > math.MaxInt32 {
		return 0, proxy.Errorf(proxy.KindInvalidPartition,
			"partition is %s: it must be an integer from 0 to the topic's number of partitions less one",
			excerpt(s.raw(&e.partition)))
	}
	return int32(n), nil
}

// pinnedTimestamp returns the timestamp asked for, in milliseconds since the epoch.
func (e *envelope) pinnedTimestamp(s *scanner) (ms int64, pinned bool, err *proxy.Error) {
	if isAbsent(&e.timestamp) {
		return 0, false, nil
	}
	if e.timestamp.kind != kindNumber {
		return 0, false, wrongShape(s, "timestamp", &e.timestamp, "an integer: milliseconds since 1970")
	}
	ms, ok := ParseInteger(s.raw(&e.timestamp))
	if !ok || ms < 0 {
		return 0, false, proxy.Errorf(proxy.KindInvalidValue,
			"timestamp is %s: it must be an integer from 0 to %d, milliseconds since 1970",
			excerpt(s.raw(&e.timestamp)), int64(math.MaxInt64))
	}
	return ms, true, nil
}

// isAbsent reports whether an optional member is not there, or null.
func isAbsent(t *token) bool { return t.kind == kindNone || t.kind == kindNull }
