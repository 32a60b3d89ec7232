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
		{fault: nobody},
		{"broker killed", at(10), stalls{3 * time.Second, 4 * time.Second}},
		{"proxy killed", at(20), stalls{time.Second, 7 * time.Second}},
		{"broker killed", at(30), stalls{5 * time.Second, 2 * time.Second}},
		{fault: nobody, from: at(40)},
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
	const want = "| fault | times | sent | answered | delivered | duplicates | longest until all had answers | until all was committed | violations |\n" +
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|\n" +
		"| none (start and end) | 0 | 2 | 0 | 0 | 0 | 0.0 s | 0.0 s | 1 |\n" +
		"| broker killed | 2 | 2 | 1 | 1 | 0 | 5.0 s | 4.0 s | 0 |\n" +
		"| proxy killed | 1 | 0 | 0 | 2 | 1 | 1.0 s | 7.0 s | 1 |\n" +
		"| **all** | 3 | 4 | 1 | 3 | 1 | 5.0 s | 7.0 s | 2 |\n"
	if got := count(faults(), spans, events, violations).String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
