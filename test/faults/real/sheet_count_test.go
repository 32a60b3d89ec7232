//go:build unix

package real

import (
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// TestCount gives each event to the fault in whose time it lies.
func TestCount(t *testing.T) {
	start := time.Now()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	spans := []span{
		{nobody, time.Time{}},
		{"broker killed", at(10)},
		{"proxy killed", at(20)},
		{"broker killed", at(30)},
		{nobody, at(40)},
	}
	events := []history.Event{
		{Kind: history.Send, At: at(1)},
		{Kind: history.Send, At: at(10)},
		{Kind: history.Answer, At: at(11), Offset: 4},
		{Kind: history.Answer, At: at(12), Code: "TIMEOUT", Retriable: true},
		{Kind: history.Delivery, At: at(13), Group: "g", Offset: 4, Content: "a"},
		{Kind: history.Delivery, At: at(21), Group: "g", Offset: 4, Content: "a"},
		{Kind: history.Delivery, At: at(22), Group: "other", Offset: 4, Content: "a"},
		{Kind: history.Delivery, At: at(22), Group: "g", Offset: 4, Content: "of a topic made again"},
		{Kind: history.Send, At: at(31)},
		{Kind: history.Send, At: at(41)},
	}
	violations := []checker.Violation{{At: at(25)}, {}}
	const want = "| fault | times | sent | answered | delivered | duplicates | violations |\n" +
		"|---|--:|--:|--:|--:|--:|--:|\n" +
		"| none (start and end) | 0 | 2 | 0 | 0 | 0 | 1 |\n" +
		"| broker killed | 2 | 2 | 1 | 1 | 0 | 0 |\n" +
		"| proxy killed | 1 | 0 | 0 | 2 | 1 | 1 |\n" +
		"| **all** | 3 | 4 | 1 | 3 | 1 | 2 |\n"
	if got := count(spans, events, violations).String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
