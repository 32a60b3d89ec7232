//go:build unix

package real

import (
	"maps"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// TestFiguresOf counts what a tail that reads all saw over two connections, and one with a key over one.
func TestFiguresOf(t *testing.T) {
	start := time.Now()
	at := func(seconds int, e history.Event) history.Event {
		e.At = start.Add(time.Duration(seconds) * time.Second)
		return e
	}
	sent := func(seconds int, id string, offset int64) []history.Event {
		return []history.Event{
			at(seconds, history.Event{Kind: history.Send, Conn: 1, ID: id}),
			at(seconds, history.Event{Kind: history.Answer, Conn: 1, ID: id, Offset: offset}),
		}
	}
	given := func(seconds, conn int, offset int64) history.Event {
		return at(seconds, history.Event{Kind: history.TailRecord, Conn: conn, Offset: offset})
	}
	events := []history.Event{
		at(0, history.Event{Kind: history.TailOpen, Conn: 2, Group: "all", Tail: &history.Tail{}}),
		at(0, history.Event{Kind: history.TailOpen, Conn: 3, Group: "one", Tail: &history.Tail{Keys: []string{"k"}}}),
	}
	events = append(events, sent(1, "a", 0)...)
	events = append(events, given(2, 2, 0), at(3, history.Event{Kind: history.TailCursor, Conn: 2}), at(4, history.Event{Kind: history.Close, Conn: 2, Code: "1012"}))
	events = append(events, sent(5, "b", 1)...)
	events = append(events,
		at(6, history.Event{Kind: history.TailOpen, Conn: 4, Group: "all", Tail: &history.Tail{Cursor: "c"}}),
		at(7, history.Event{Kind: history.TailBegun, Conn: 4, Code: "EXPIRED"}), at(8, history.Event{Kind: history.TailGap, Conn: 4}),
		given(9, 4, 0), given(9, 4, 1), given(9, 3, 1), at(10, history.Event{Kind: history.Close, Conn: 3, Code: "1012"}),
		at(11, history.Event{Kind: history.Close, Conn: 4}), given(20, 2, 7),
	)
	f := figuresOf(events, start.Add(15*time.Second))
	if f.written != 2 || f.given != 3 || f.again != 1 || f.connections != 3 || f.resumed != 1 || f.lost != 1 || f.gaps != 1 || f.blind != 1 {
		t.Errorf("got %+v", f)
	}
	if want := map[string]int{"1012": 2, "": 1}; !maps.Equal(f.closed, want) {
		t.Errorf("connections were closed by %v, want %v", f.closed, want)
	}
	if f.away != 3*time.Second || f.silence != 7*time.Second || f.wait(0) != time.Second || f.wait(1) != 4*time.Second {
		t.Errorf("away %v, silent %v, waits %v", f.away, f.silence, f.waits)
	}
}
