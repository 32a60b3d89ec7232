package checker

import (
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

func opensTail(seconds, conn int, tail *history.Tail) history.Event {
	return at(seconds, history.Event{Kind: history.TailOpen, Conn: conn, Group: "t", Began: moment(seconds), Tail: tail})
}

func begins(conn int, code string) history.Event {
	return history.Event{Kind: history.TailBegun, Conn: conn, Code: code}
}

func given(conn int, id string, partition int32, offset int64) history.Event {
	return history.Event{Kind: history.TailRecord, Conn: conn, Partition: partition, Offset: offset, Content: "content of " + id}
}

func gap(conn int, partition int32, from, to int64, code string) history.Event {
	return history.Event{Kind: history.TailGap, Conn: conn, Partition: partition, Offset: from, Until: to, Code: code}
}

func cursor(conn int, id string) history.Event {
	return history.Event{Kind: history.TailCursor, Conn: conn, ID: id}
}

func commands(conn int, topic string, tail *history.Tail) history.Event {
	return history.Event{Kind: history.TailCommand, Conn: conn, Topic: topic, Tail: tail}
}

func obeyed(conn int, topic string) history.Event {
	return history.Event{Kind: history.TailObeyed, Conn: conn, Topic: topic}
}

func keyed(id string, offset int64, key string) Record {
	r := record(id, offset)
	r.Key = key
	return r
}

func trims(partition int32, offset int64) history.Event {
	return history.Event{Kind: history.Trim, Partition: partition, Offset: offset}
}

// written adds messages that are written one second after the other.
func (w *world) written(seconds int, partition int32, offset int64, ids ...string) {
	for i, id := range ids {
		w.add(at(seconds+i, send(1, id)), at(seconds+i, ack(1, id, partition, offset+int64(i))))
	}
}

// What the tail of resumed asks for.
var (
	fromEarliest = &history.Tail{Topics: []string{"readings"}, From: "earliest", Slow: "wait"}
	fromCursor   = &history.Tail{
		Topics: []string{"readings"}, From: "cursor", Cursor: "c", Slow: "wait", After: []history.After{{Topic: "readings", Offset: 2}},
	}
)

// resumed is a history without a fault in which a tail is cut behind its cursor, and goes on where it was. Meanwhile the
// log loses a record.
func resumed() *world {
	w := &world{kafka: Kafka{
		Name: "readings", Tails: []string{"t"},
		Log: map[int32][]Record{
			0: {record("a1", 0), record("a2", 1), record("a3", 2), record("a4", 3), record("a5", 4), record("a6", 5)},
			1: {record("b1", 0), record("b2", 2)}, // a mark lies between
		},
	}}
	w.add(opened(0, 1, ""))
	w.written(1, 0, 0, "a1", "a2", "a3")
	w.written(4, 1, 0, "b1")
	w.add(opensTail(10, 2, fromEarliest), begins(2, ""), given(2, "a1", 0, 0), given(2, "b1", 1, 0), given(2, "a2", 0, 1), cursor(2, "c"),
		given(2, "a3", 0, 2), closing(11, 2, ""))
	w.written(12, 0, 3, "a4", "a5", "a6")
	w.written(15, 1, 2, "b2")
	w.add(trims(0, 4), opensTail(20, 3, fromCursor), begins(3, "EXPIRED"), gap(3, 0, 3, 4, "EXPIRED"), given(3, "a5", 0, 4), given(3, "b2", 1, 2), given(3, "a6", 0, 5))
	return w
}

func TestTails(t *testing.T) {
	without, slow := *fromCursor, *fromCursor
	without.After, slow.Slow = nil, "skip"
	latest := *fromEarliest
	latest.From = "latest"
	cases := map[string]planted{
		"as it is": {func(*testing.T, *world) {}, nil},
		"without after they come again": {func(t *testing.T, w *world) {
			w.replace(t, opensTail(20, 3, fromCursor), opensTail(20, 3, &without))
			w.replace(t, begins(3, "EXPIRED"), begins(3, "EXPIRED"), given(3, "a3", 0, 2))
		}, nil},
		"a gap as it was asked for": {func(t *testing.T, w *world) {
			w.replace(t, opensTail(20, 3, fromCursor), opensTail(20, 3, &slow))
			w.replace(t, given(3, "a5", 0, 4), gap(3, 0, 4, 5, "SLOW"))
		}, nil},
		"a record is left out":         {func(t *testing.T, w *world) { w.replace(t, given(3, "a5", 0, 4)) }, []Rule{Untold}},
		"the last record is left out":  {func(t *testing.T, w *world) { w.replace(t, given(3, "a6", 0, 5)) }, []Rule{Undelivered}},
		"a partition is left out":      {func(t *testing.T, w *world) { w.replace(t, given(3, "b2", 1, 2)) }, []Rule{Undelivered}},
		"the first record is left out": {func(t *testing.T, w *world) { w.replace(t, given(2, "a1", 0, 0)) }, []Rule{Untold}},
		"a gap is not told":            {func(t *testing.T, w *world) { w.replace(t, gap(3, 0, 3, 4, "EXPIRED")) }, []Rule{Untold}},
		"a gap is told late":           {func(t *testing.T, w *world) { w.replace(t, gap(3, 0, 3, 4, "EXPIRED"), given(3, "b2", 1, 2)) }, []Rule{Untold, GivenTwice}},
		"a gap begins late": {func(t *testing.T, w *world) {
			w.replace(t, given(2, "a3", 0, 2))
			w.replace(t, opensTail(20, 3, fromCursor), opensTail(20, 3, &without))
		}, []Rule{Untold}},
		"a gap covers what is there":  {func(t *testing.T, w *world) { w.replace(t, gap(3, 0, 3, 4, "EXPIRED"), gap(3, 0, 3, 5, "EXPIRED")) }, []Rule{Groundless, GivenTwice}},
		"a gap covers what was given": {func(t *testing.T, w *world) { w.replace(t, gap(3, 0, 3, 4, "EXPIRED"), gap(3, 0, 2, 4, "EXPIRED")) }, []Rule{Groundless}},
		"a gap is empty": {func(t *testing.T, w *world) {
			w.replace(t, given(3, "a6", 0, 5), given(3, "a6", 0, 5), gap(3, 0, 6, 6, "EXPIRED"))
		}, []Rule{Groundless}},
		"a gap of one who waits":        {func(t *testing.T, w *world) { w.replace(t, given(3, "a5", 0, 4), gap(3, 0, 4, 5, "SLOW")) }, []Rule{Groundless}},
		"a gap of a log that lost none": {func(t *testing.T, w *world) { w.replace(t, given(3, "a5", 0, 4), gap(3, 0, 4, 5, "TRUNCATED")) }, []Rule{Groundless}},
		"a gap of a topic that is there": {func(t *testing.T, w *world) {
			w.replace(t, given(3, "a6", 0, 5), given(3, "a6", 0, 5), gap(3, 0, 0, 6, "RECREATED"))
		}, []Rule{Groundless, Undelivered}},
		"a record comes twice": {func(t *testing.T, w *world) {
			w.replace(t, given(2, "a2", 0, 1), given(2, "a2", 0, 1), given(2, "a2", 0, 1))
		}, []Rule{GivenTwice}},
		"a record comes twice over a resume": {func(t *testing.T, w *world) {
			w.replace(t, begins(3, "EXPIRED"), begins(3, "EXPIRED"), given(3, "a3", 0, 2))
		}, []Rule{GivenTwice}},
		"records change places": {func(t *testing.T, w *world) {
			w.replace(t, given(2, "a1", 0, 0))
			w.replace(t, given(2, "a2", 0, 1), given(2, "a2", 0, 1), given(2, "a1", 0, 0))
		}, []Rule{Untold, GivenTwice}},
		"a hole over a resume": {func(t *testing.T, w *world) {
			w.replace(t, opensTail(20, 3, fromCursor), opensTail(20, 3, &without))
		}, []Rule{Untold}},
		"other bytes": {func(t *testing.T, w *world) {
			w.replace(t, given(3, "a6", 0, 5), given(3, "z", 0, 5))
		}, []Rule{WrongBytes, Undelivered}},
		"a record that nobody wrote": {func(_ *testing.T, w *world) { w.add(given(3, "z", 0, 6)) }, []Rule{Invented}},
		"a place is lost without a reason": {func(t *testing.T, w *world) {
			w.replace(t, begins(3, "EXPIRED"), begins(3, "INVALID"))
		}, []Rule{LostPlace}},
		"records are conflated unasked": {func(_ *testing.T, w *world) {
			w.add(history.Event{Kind: history.TailConflated, Conn: 3, Count: 1})
		}, []Rule{Unwanted}},
		"another topic": {func(_ *testing.T, w *world) {
			w.add(history.Event{Kind: history.TailRecord, Conn: 3, Topic: "other"})
		}, []Rule{Unwanted}},
		"a tail that begins at the end is given the past": {func(t *testing.T, w *world) {
			w.replace(t, opensTail(10, 2, fromEarliest), opensTail(10, 2, &latest))
		}, []Rule{Unwanted, Unwanted}},
		"the past was behind an open transaction": {func(t *testing.T, w *world) {
			committed := latest
			committed.Committed = true
			w.replace(t, opensTail(10, 2, fromEarliest), opensTail(10, 2, &committed))
		}, nil},
		"a tail that begins at the end misses what comes": {func(t *testing.T, w *world) {
			w.replace(t, opensTail(10, 2, fromEarliest), opensTail(10, 2, &latest))
			w.replace(t, given(2, "a1", 0, 0))
			w.replace(t, given(2, "a2", 0, 1))
			w.replace(t, given(2, "b1", 1, 0))
			w.replace(t, given(3, "b2", 1, 2))
		}, []Rule{Unwanted, Undelivered}},
		"a tail is never served":          {func(_ *testing.T, w *world) { w.kafka.Tails = append(w.kafka.Tails, "u") }, []Rule{Undelivered}},
		"an answer that nobody asked for": {func(_ *testing.T, w *world) { w.add(obeyed(3, "")) }, []Rule{Unasked}},
	}
	checkPlanted(t, resumed, cases)
}

// again is a history without a fault in which a tail is told that its topic was made again.
func again() *world {
	w := &world{kafka: Kafka{
		Name: "readings", Tails: []string{"t"}, Ended: []Instance{{Log: map[int32][]Record{0: {record("a1", 0), record("a2", 1)}}}},
		Log: map[int32][]Record{0: {record("b1", 0)}, 1: {record("b2", 0)}},
	}}
	w.add(made(0, 0, 1), opened(0, 1, ""))
	w.written(1, 0, 0, "a1", "a2")
	w.add(opensTail(10, 2, fromEarliest), begins(2, ""), given(2, "a1", 0, 0), gone(20, 0), made(21, 1, 1), gap(2, 0, 0, 1, "RECREATED"))
	w.written(22, 0, 0, "b1")
	w.written(23, 1, 0, "b2")
	w.add(given(2, "b1", 0, 0), given(2, "b2", 1, 0))
	return w
}

func TestTailsOfATopicMadeAgain(t *testing.T) {
	checkPlanted(t, again, map[string]planted{
		"as it is": {func(*testing.T, *world) {}, nil},
		"it is not told": {func(t *testing.T, w *world) {
			w.replace(t, gap(2, 0, 0, 1, "RECREATED"))
		}, []Rule{Mixed, Undelivered}},
		"it has lost records before the tail is there": {func(t *testing.T, w *world) {
			latest := *fromEarliest
			latest.Slow = "latest"
			w.kafka.Log[0] = []Record{keyed("b1", 0, "k"), record("b3", 1)}
			w.replace(t, opensTail(10, 2, fromEarliest), opensTail(10, 2, &latest))
			trim := trims(0, 1)
			trim.Instance = 1
			w.replace(t, given(2, "b1", 0, 0), send(1, "b3"), trim, gap(2, 0, 0, 1, "EXPIRED"), given(2, "b3", 0, 1))
		}, nil},
		"it is told twice": {func(t *testing.T, w *world) {
			w.replace(t, given(2, "b1", 0, 0), given(2, "b1", 0, 0), gap(2, 0, 0, 1, "RECREATED"))
		}, []Rule{Groundless, Undelivered}},
		"an old record comes": {func(t *testing.T, w *world) {
			w.replace(t, given(2, "b1", 0, 0), given(2, "b1", 0, 0), given(2, "a2", 0, 1))
		}, []Rule{Mixed}},
		"a record of an added partition is left out": {func(t *testing.T, w *world) {
			w.replace(t, given(2, "b2", 1, 0))
		}, []Rule{Undelivered}},
	})
}

// conflates is what the tail of conflated asks for.
var conflates = &history.Tail{Topics: []string{"readings"}, From: "earliest", Slow: "latest"}

// conflated is a history without a fault in which newer records of a key stand for others.
func conflated() *world {
	w := &world{kafka: Kafka{
		Name: "readings", Tails: []string{"t"},
		Log: map[int32][]Record{0: {keyed("a1", 0, "k"), record("a2", 1), keyed("a3", 2, "k"), keyed("a4", 3, "l"), record("a5", 4), keyed("a6", 5, "k")}},
	}}
	w.add(opened(0, 1, ""))
	w.written(1, 0, 0, "a1", "a2", "a3", "a4", "a5", "a6")
	w.add(opensTail(10, 2, conflates), begins(2, ""), given(2, "a2", 0, 1), given(2, "a3", 0, 2), given(2, "a4", 0, 3), given(2, "a5", 0, 4), given(2, "a6", 0, 5),
		history.Event{Kind: history.TailConflated, Conn: 2, Count: 1})
	return w
}

func TestTailsThatConflate(t *testing.T) {
	every := *conflates
	every.Every = time.Second
	checkPlanted(t, conflated, map[string]planted{
		"as it is":         {func(*testing.T, *world) {}, nil},
		"more is left out": {func(t *testing.T, w *world) { w.replace(t, given(2, "a3", 0, 2)) }, nil},
		"older records come later in time": {func(t *testing.T, w *world) {
			w.replace(t, opensTail(10, 2, conflates), opensTail(10, 2, &every))
			w.replace(t, given(2, "a4", 0, 3))
			w.replace(t, given(2, "a6", 0, 5), given(2, "a6", 0, 5), given(2, "a4", 0, 3))
		}, nil},
		"the log began later": {func(t *testing.T, w *world) {
			w.replace(t, opensTail(10, 2, conflates), trims(0, 3), opensTail(10, 2, conflates))
			w.replace(t, given(2, "a2", 0, 1))
			w.replace(t, given(2, "a3", 0, 2))
		}, nil},
		"the newest of a key is left out":     {func(t *testing.T, w *world) { w.replace(t, given(2, "a6", 0, 5)) }, []Rule{Undelivered}},
		"a record without a key is left out":  {func(t *testing.T, w *world) { w.replace(t, given(2, "a2", 0, 1)) }, []Rule{Untold}},
		"the last one without a key is left":  {func(t *testing.T, w *world) { w.replace(t, given(2, "a5", 0, 4)) }, []Rule{Undelivered}},
		"an older record of a key comes last": {func(_ *testing.T, w *world) { w.add(given(2, "a1", 0, 0)) }, []Rule{GivenTwice}},
		"one without a key comes again":       {func(_ *testing.T, w *world) { w.add(given(2, "a2", 0, 1)) }, []Rule{GivenTwice}},
	})
}

// TestTailsThatConflateOverManyConnections has a client get the last record of a key behind the last cursor of a connection,
// nothing of that partition on the next one, and a later record on the third.
func TestTailsThatConflateOverManyConnections(t *testing.T) {
	resumes := func(cursor string, after ...history.After) *history.Tail {
		return &history.Tail{Topics: []string{"readings"}, From: "cursor", Cursor: cursor, Slow: "latest", After: after}
	}
	latest := *conflates
	latest.From = "latest"
	connections := func() *world {
		w := &world{kafka: Kafka{
			Name: "readings", Tails: []string{"t"},
			Log: map[int32][]Record{0: {keyed("a1", 0, "k"), keyed("a2", 1, "l")}},
		}}
		w.add(opened(0, 1, ""), opensTail(1, 2, &latest), begins(2, ""), cursor(2, "c"))
		w.written(2, 0, 0, "a1")
		w.add(given(2, "a1", 0, 0), closing(4, 2, ""),
			opensTail(5, 3, resumes("c", history.After{Topic: "readings", Offset: 0})), begins(3, ""), cursor(3, "d"), closing(6, 3, ""))
		w.written(7, 0, 1, "a2")
		w.add(opensTail(9, 4, resumes("d")), begins(4, ""), given(4, "a2", 0, 1))
		return w
	}
	checkPlanted(t, connections, map[string]planted{
		"as it is":                        {func(*testing.T, *world) {}, nil},
		"the record was not given before": {func(t *testing.T, w *world) { w.replace(t, given(2, "a1", 0, 0)) }, []Rule{Undelivered}},
	})
}

// What the tail of selecting asks for, one after the other.
var (
	wantsK = &history.Tail{Topics: []string{"readings"}, From: "earliest", Slow: "wait", Keys: []string{"k"}}
	wantsL = &history.Tail{From: "latest", Keys: []string{"l"}}
	wantsP = &history.Tail{From: "latest", Keys: []string{"k"}}
)

// selecting is a history without a fault in which a tail changes its keys, and adds and ends another topic.
func selecting() *world {
	w := &world{kafka: Kafka{
		Name: "readings", Tails: []string{"t"},
		Log:    map[int32][]Record{0: {keyed("a1", 0, "k"), keyed("a2", 1, "l"), keyed("a3", 2, "k"), keyed("a4", 3, "l"), keyed("a5", 4, "k")}},
		Beside: map[string]map[int32][]Record{"prices": {0: {keyed("p1", 0, "k"), keyed("p2", 1, "k"), keyed("p3", 2, "k")}}},
	}}
	w.add(opened(0, 1, ""), ofPrices(opened(0, 9, "")))
	w.written(1, 0, 0, "a1", "a2")
	w.add(ofPrices(at(3, send(9, "p1"))), ofPrices(at(3, ack(9, "p1", 0, 0))))
	w.add(opensTail(10, 2, wantsK), begins(2, ""), given(2, "a1", 0, 0), commands(2, "", wantsL))
	w.written(11, 0, 2, "a3")
	w.add(obeyed(2, ""))
	w.written(12, 0, 3, "a4", "a5")
	w.add(given(2, "a4", 0, 3), at(14, commands(2, "prices", wantsP)), obeyed(2, "prices"), ofPrices(at(15, send(9, "p2"))), ofPrices(at(15, ack(9, "p2", 0, 1))),
		price("p2", 1), commands(2, "prices", nil), obeyed(2, "prices"), ofPrices(at(16, send(9, "p3"))), ofPrices(at(16, ack(9, "p3", 0, 2))))
	return w
}

func TestTailsThatSelect(t *testing.T) {
	checkPlanted(t, selecting, map[string]planted{
		"as it is": {func(*testing.T, *world) {}, nil},
		"the keys before may be in force for a while": {func(t *testing.T, w *world) {
			w.replace(t, given(2, "a4", 0, 3), given(2, "a3", 0, 2), given(2, "a4", 0, 3))
		}, nil},
		"the keys before are in force for ever": {func(_ *testing.T, w *world) { w.add(given(2, "a5", 0, 4)) }, []Rule{Unwanted}},
		"the keys are in force too early": {func(t *testing.T, w *world) {
			w.replace(t, given(2, "a1", 0, 0), given(2, "a1", 0, 0), given(2, "a2", 0, 1))
		}, []Rule{Unwanted}},
		"the keys are not in force": {func(t *testing.T, w *world) { w.replace(t, given(2, "a4", 0, 3)) }, []Rule{Undelivered}},
		"a topic that is added begins early": {func(t *testing.T, w *world) {
			w.replace(t, price("p2", 1), price("p1", 0), price("p2", 1))
		}, []Rule{Unwanted}},
		"a topic that is ended goes on": {func(_ *testing.T, w *world) { w.add(price("p3", 2)) }, []Rule{Unwanted}},
		"a topic that is added begins late": {func(t *testing.T, w *world) {
			w.replace(t, price("p2", 1))
			w.replace(t, commands(2, "prices", nil), price("p3", 2), commands(2, "prices", nil))
			sent := w.events[len(w.events)-2:]
			w.events = w.events[:len(w.events)-2]
			w.replace(t, price("p3", 2), sent[0], sent[1], price("p3", 2))
		}, []Rule{Untold}},
	})
}

func ofPrices(e history.Event) history.Event {
	e.Topic = "prices"
	return e
}

func price(id string, offset int64) history.Event { return ofPrices(given(2, id, 0, offset)) }

// snapshots is what the tail of folded asks for.
var snapshots = &history.Tail{Topics: []string{"readings"}, From: "latest", Slow: "wait", Snapshot: true}

// folded is a history without a fault in which a tail is given the newest record of each key, and what comes then.
func folded() *world {
	removed := keyed("a5", 4, "m")
	removed.IsTombstone = true
	w := &world{kafka: Kafka{
		Name: "readings", Tails: []string{"t"},
		Log: map[int32][]Record{0: {
			keyed("a1", 0, "k"), keyed("a2", 1, "l"), keyed("a3", 2, "k"), keyed("a4", 3, "m"), removed, keyed("a6", 5, "l"), keyed("a7", 6, "k"),
		}},
	}}
	w.add(opened(0, 1, ""))
	w.written(1, 0, 0, "a1", "a2", "a3", "a4", "a5")
	w.add(opensTail(10, 2, snapshots), begins(2, ""), history.Event{Kind: history.TailSnapshot, Conn: 2},
		given(2, "a2", 0, 1), given(2, "a3", 0, 2), history.Event{Kind: history.TailLive, Conn: 2, Count: 2})
	w.written(11, 0, 5, "a6", "a7")
	w.add(given(2, "a6", 0, 5), cursor(2, "c"), given(2, "a7", 0, 6))
	return w
}

func TestTailsThatBeginWithTheNewestRecords(t *testing.T) {
	ends := func(count int) history.Event { return history.Event{Kind: history.TailLive, Conn: 2, Count: count} }
	checkPlanted(t, folded, map[string]planted{
		"as it is":                      {func(*testing.T, *world) {}, nil},
		"a record after it is left out": {func(t *testing.T, w *world) { w.replace(t, given(2, "a6", 0, 5)) }, []Rule{Untold}},
		"nothing comes after it":        {func(t *testing.T, w *world) { w.replace(t, given(2, "a6", 0, 5)); w.replace(t, given(2, "a7", 0, 6)) }, []Rule{Undelivered}},
		"a key is missing":              {func(t *testing.T, w *world) { w.replace(t, given(2, "a2", 0, 1)); w.replace(t, ends(2), ends(1)) }, []Rule{Unfolded}},
		"an older record of a key":      {func(t *testing.T, w *world) { w.replace(t, given(2, "a3", 0, 2), given(2, "a1", 0, 0)) }, []Rule{Unfolded, Untold}},
		"the number of keys is wrong":   {func(t *testing.T, w *world) { w.replace(t, ends(2), ends(3)) }, []Rule{Unfolded}},
		"a key that was removed":        {func(t *testing.T, w *world) { w.replace(t, ends(2), given(2, "a4", 0, 3), ends(3)) }, []Rule{Unfolded, Untold}},
		"a key comes twice":             {func(t *testing.T, w *world) { w.replace(t, ends(2), given(2, "a3", 0, 2), ends(3)) }, []Rule{Unfolded}},
		"a record of it comes again": {func(t *testing.T, w *world) {
			w.replace(t, given(2, "a6", 0, 5), given(2, "a3", 0, 2), given(2, "a6", 0, 5))
		}, []Rule{GivenTwice, Untold}},
		"it is older than what was asked for": {func(t *testing.T, w *world) {
			w.replace(t, given(2, "a3", 0, 2), given(2, "a3", 0, 2), given(2, "a4", 0, 3))
			w.replace(t, ends(2), ends(3))
			w.replace(t, given(2, "a6", 0, 5), given(2, "a5", 0, 4), given(2, "a6", 0, 5))
		}, []Rule{Unfolded}},
	})
}
