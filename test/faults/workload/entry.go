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
	var key *string
	if r.Key != nil {
		text := string(r.Key)
		key = &text
	}
	value := string(r.Value)
	return checker.Record{Offset: r.Offset, ID: IDOf(value), Content: history.Content(key, &value, headers)}
}
