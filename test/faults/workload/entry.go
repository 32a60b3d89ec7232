package workload

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// Entry converts a record of Kafka for the checker.
func Entry(r *kgo.Record) checker.Record {
	var headers []history.Header
	for _, h := range r.Headers {
		headers = append(headers, history.Header{Key: h.Key, Value: string(h.Value)})
	}
	entry := checker.Record{Offset: r.Offset, Key: string(r.Key), IsTombstone: r.Value == nil}
	value := nullable(r.Value)
	if value != nil {
		entry.ID = IDOf(*value)
	}
	for _, h := range headers {
		if value == nil && h.Key == idHeader {
			entry.ID = h.Value
		}
	}
	entry.Content = history.Content(nullable(r.Key), value, headers)
	return entry
}

func nullable(bytes []byte) *string {
	if bytes == nil {
		return nil
	}
	text := string(bytes)
	return &text
}
