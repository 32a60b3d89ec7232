package history

import (
	"sync"
	"testing"
)

func TestContentTellsRecordsApart(t *testing.T) {
	text := func(s string) *string { return &s }
	seen := make(map[string]int)
	for i, content := range []string{
		Content(nil, nil, nil),
		Content(text(""), nil, nil),
		Content(nil, text(""), nil),
		Content(text(""), text(""), nil),
		Content(text("a"), text("b"), nil),
		Content(text("ab"), text(""), nil),
		Content(text("a;1:b"), text(""), nil),
		Content(text("a"), text("b"), []Header{{"", ""}}),
		Content(text("a"), text("b"), []Header{{"h", "v"}}),
		Content(text("a"), text("b"), []Header{{"v", "h"}}),
		Content(text("a"), text("b"), []Header{{"h", "v"}, {"h", "v"}}),
	} {
		if other, ok := seen[content]; ok {
			t.Errorf("records %d and %d have the content %q", other, i, content)
		}
		seen[content] = i
	}
}

func TestRecorderKeepsTheOrder(t *testing.T) {
	var r Recorder
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			conn := r.Open("")
			for n := range 100 {
				r.Add(Event{Kind: Send, Conn: conn, Offset: int64(n)})
			}
		})
	}
	clients.Wait()
	next := make(map[int]int64)
	for _, e := range r.Events() {
		switch {
		case e.At.IsZero():
			t.Fatalf("the event %+v has no time", e)
		case e.Kind == Open:
			next[e.Conn] = 0
		case e.Offset != next[e.Conn]:
			t.Fatalf("connection %d: event %d comes where %d is due", e.Conn, e.Offset, next[e.Conn])
		default:
			next[e.Conn]++
		}
	}
	if len(next) != 8 {
		t.Errorf("%d connections have numbers of their own, want 8", len(next))
	}
}
