package server

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// tailFrom is where a tail begins.
type tailFrom struct {
	kind      fromKind
	number    int64 // records, milliseconds or the offset
	partition int32 // of the offset
	cursor    feed.Cursor
	isValid   bool // whether the cursor is one
	after     map[string]map[int32]int64
}

// fromKind is a way to say where a tail begins.
type fromKind string

const (
	fromLatest    fromKind = "latest"
	fromEarliest  fromKind = "earliest"
	fromLast      fromKind = "last"
	fromTimestamp fromKind = "timestamp"
	fromOffset    fromKind = "offset"
	fromCursor    fromKind = "cursor"
)

// fromHelp is what from may be.
const fromHelp = "must be latest, earliest, last:N, timestamp:MS, offset:P:O or cursor:TOKEN."

// alone returns the partition that the tail is given alone, or proxy.AnyPartition.
func (f *tailFrom) alone() int32 {
	if f.kind == fromOffset {
		return f.partition
	}
	return proxy.AnyPartition
}

// allowsSnapshot tells whether the newest records may come before what is there.
func (f *tailFrom) allowsSnapshot() bool { return f.kind == fromLatest || f.kind == fromCursor }

// from reads where a tail of topics begins.
func (q *query) from(topics []string) *tailFrom {
	text := q.values.Get("from")
	if !strings.HasPrefix(text, string(fromCursor)) || len(q.values["from"]) > 1 { // any text is a cursor, maybe an invalid one
		text = q.text("from")
	}
	f, ok := parseFrom(text)
	if !ok {
		q.fault("from", fromHelp)
	}
	if f.kind == fromOffset && len(topics) > 1 {
		q.fault("from", "offset is for one topic.")
	}
	after := q.texts("after")
	if len(after) > 0 && f.kind != fromCursor {
		q.fault("after", "goes with from=cursor:TOKEN.")
	}
	f.after = make(map[string]map[int32]int64)
	for _, text := range after {
		topic, partition, offset, ok := parseAfter(text, topics)
		if !ok {
			q.fault("after", "must be P:O, or topic:P:O with one of several topics.")
			continue
		}
		if f.after[topic] == nil {
			f.after[topic] = make(map[int32]int64)
		}
		f.after[topic][partition] = max(offset, f.after[topic][partition])
	}
	return f
}

// parseFrom reads a place to begin at. latest is the default.
func parseFrom(text string) (f *tailFrom, ok bool) {
	kind, value, has := strings.Cut(text, ":")
	f = &tailFrom{kind: fromKind(strings.ToLower(kind)), partition: proxy.AnyPartition}
	switch f.kind {
	case "":
		f.kind = fromLatest
		return f, !has
	case fromLatest, fromEarliest:
		return f, !has
	case fromLast, fromTimestamp:
		f.number, ok = whole(value)
		return f, ok
	case fromOffset:
		partition, offset, _ := strings.Cut(value, ":")
		var number int64
		number, ok = whole(partition)
		f.partition = int32(min(number, math.MaxInt32))
		var offsetOK bool
		f.number, offsetOK = whole(offset)
		return f, ok && offsetOK && number <= math.MaxInt32
	case fromCursor:
		cursor, err := feed.ParseCursor(value)
		f.cursor, f.isValid = cursor, err == nil
		return f, true
	}
	f.kind = fromLatest
	return f, false
}

// whole reads a number of digits alone.
func whole(text string) (n int64, ok bool) {
	if strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// parseAfter reads the place of a record: P:O, or topic:P:O.
func parseAfter(text string, topics []string) (topic string, partition int32, offset int64, ok bool) {
	parts := strings.Split(text, ":")
	topic = topics[0]
	switch {
	case len(parts) == 3:
		topic, parts = parts[0], parts[1:]
	case len(topics) > 1 || len(parts) != 2:
		return "", 0, 0, false
	}
	number, ok := whole(parts[0])
	offset, offsetOK := whole(parts[1])
	if !ok || !offsetOK || number > math.MaxInt32 || offset == math.MaxInt64 || !slices.Contains(topics, topic) {
		return "", 0, 0, false
	}
	return topic, int32(number), offset, true
}
