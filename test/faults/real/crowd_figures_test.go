//go:build unix

package real

import (
	"slices"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// spot is a place in the topic.
type spot struct {
	partition int32
	offset    int64
}

// figures are what a crowd saw, as its history has it.
type figures struct {
	written     int
	given       int // records, those that came again left out
	again       int // records that came again: the client did not name what it had behind its cursor
	connections int
	resumed     int // connections that went on at a cursor
	lost        int // those of them that were told that their place is gone
	gaps        int
	closed      map[string]int // connections by their close codes, empty where there was none
	blind       int            // connections that were closed with 1012 without a cursor right before

	waits   []time.Duration // of each record given, since it was sent, by length
	away    time.Duration   // the longest time of a tail between two connections
	silence time.Duration   // the longest time of a tail that reads all without a record
}

// reader is a tail, in a history.
type reader struct {
	all  bool
	next map[int32]int64
	last history.Event // on any connection
	heard,
	left time.Time // when it had a record, and when it lost a connection
}

// figuresOf counts what happened up to a time.
func figuresOf(events []history.Event, until time.Time) *figures {
	f := &figures{closed: make(map[string]int)}
	sent, readers, conns := sentAt(events), make(map[string]*reader), make(map[int]*reader)
	for i := range events {
		e := &events[i]
		switch r := conns[e.Conn]; {
		case e.At.After(until):
			slices.Sort(f.waits)
			return f
		case e.Kind == history.Answer && e.Code == "":
			f.written++
		case e.Kind == history.TailOpen:
			conns[e.Conn] = f.opened(e, readers)
		case r != nil:
			f.add(e, r, sent)
			r.last = *e
		}
	}
	slices.Sort(f.waits)
	return f
}

// sentAt is when the record of each place was sent.
func sentAt(events []history.Event) map[spot]time.Time {
	messages, sent := make(map[string]time.Time), make(map[spot]time.Time)
	for i := range events {
		switch e := &events[i]; {
		case e.Kind == history.Send:
			messages[e.ID] = e.At
		case e.Kind == history.Answer && e.Code == "":
			sent[spot{e.Partition, e.Offset}] = messages[e.ID]
		}
	}
	return sent
}

func (f *figures) opened(e *history.Event, readers map[string]*reader) *reader {
	f.connections++
	if e.Tail.Cursor != "" {
		f.resumed++
	}
	r := readers[e.Group]
	if r == nil {
		r = &reader{all: e.Tail.Keys == nil, next: make(map[int32]int64)}
		readers[e.Group] = r
	}
	return r
}

func (f *figures) add(e *history.Event, r *reader, sent map[spot]time.Time) {
	switch e.Kind {
	case history.TailBegun:
		if e.Code != "" {
			f.lost++
		}
		if !r.left.IsZero() {
			f.away = max(f.away, e.At.Sub(r.left))
		}
	case history.TailGap:
		f.gaps++
	case history.TailRecord:
		f.record(e, r, sent)
	case history.Close:
		f.closed[e.Code]++
		if e.Code == "1012" && r.last.Kind != history.TailCursor {
			f.blind++
		}
		r.left = e.At
	default:
	}
}

func (f *figures) record(e *history.Event, r *reader, sent map[spot]time.Time) {
	if e.Offset < r.next[e.Partition] {
		f.again++
		return
	}
	r.next[e.Partition] = e.Offset + 1
	f.given++
	f.waits = append(f.waits, e.At.Sub(sent[spot{e.Partition, e.Offset}]))
	if r.all && !r.heard.IsZero() {
		f.silence = max(f.silence, e.At.Sub(r.heard))
	}
	r.heard = e.At
}

// wait is what a part of the records waited at most.
func (f *figures) wait(part float64) time.Duration {
	if len(f.waits) == 0 {
		return 0
	}
	return f.waits[int(part*float64(len(f.waits)-1))]
}
