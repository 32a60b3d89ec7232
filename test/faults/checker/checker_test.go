package checker

import (
	"slices"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// world is a history and a log that a test case may change.
type world struct {
	events []history.Event
	kafka  Kafka
}

func (w *world) add(events ...history.Event) { w.events = append(w.events, events...) }

func open(conn int, group string) history.Event {
	return history.Event{Kind: history.Open, Conn: conn, Group: group}
}

func send(conn int, id string) history.Event {
	return history.Event{Kind: history.Send, Conn: conn, ID: id, Content: "content of " + id}
}

func ack(conn int, id string, partition int32, offset int64) history.Event {
	return history.Event{Kind: history.Answer, Conn: conn, ID: id, Partition: partition, Offset: offset}
}

func refuse(conn int, id, code string, retriable bool) history.Event {
	return history.Event{Kind: history.Answer, Conn: conn, ID: id, Code: code, Retriable: retriable}
}

func deliver(conn int, id string, partition int32, offset int64) history.Event {
	return history.Event{
		Kind: history.Delivery, Conn: conn, Group: "g", Partition: partition, Offset: offset,
		Content: "content of " + id,
	}
}

func commit(partition int32, offset int64) history.Event {
	return history.Event{Kind: history.Commit, Group: "g", Partition: partition, Offset: offset}
}

func position(partition int32, offset int64) history.Event {
	return history.Event{Kind: history.Position, Group: "g", Partition: partition, Offset: offset}
}

func record(id string, offset int64) Record {
	return Record{Offset: offset, ID: id, Content: "content of " + id}
}

// clean is a history without a fault: two producing connections, of which the second is cut, and two
// consuming ones, of which the first hands partition 0 over to the second.
func clean() *world {
	w := &world{kafka: Kafka{
		Log: map[int32][]Record{
			0: {record("a1", 0), record("a3", 1), record("b1", 2)},
			1: {record("a2", 0), record("b3", 1)},
		},
		Groups: []Group{{Name: "g"}},
	}}
	w.add(open(1, ""), open(2, ""), open(3, "g"), open(4, "g"),
		send(1, "a1"), send(1, "a2"), send(2, "b1"), ack(1, "a1", 0, 0), send(1, "a3"), send(2, "b2"), send(2, "b3"),
		deliver(3, "a1", 0, 0), commit(0, 1), position(0, 1), deliver(3, "a3", 0, 1), deliver(4, "a2", 1, 0),
		ack(1, "a2", 1, 0), ack(1, "a3", 0, 1), ack(2, "b1", 0, 2), refuse(2, "b2", "INVALID_VALUE", false),
		history.Event{Kind: history.Close, Conn: 2},
		history.Event{Kind: history.Taken, Conn: 2, Count: 3, Limit: 3},
		deliver(4, "a3", 0, 1), deliver(4, "b1", 0, 2), deliver(4, "b3", 1, 1),
		commit(0, 3), position(0, 3), commit(1, 2), position(1, 2))
	return w
}

// replace replaces the only event that equals old.
func (w *world) replace(t *testing.T, old history.Event, with ...history.Event) {
	t.Helper()
	i := slices.Index(w.events, old)
	if i < 0 {
		t.Fatalf("the clean history has no event %+v", old)
	}
	w.events = slices.Replace(w.events, i, i+1, with...)
}

// inBatch adds messages to a batch.
func inBatch(t *testing.T, w *world, batch string, ids ...string) {
	t.Helper()
	for i := range w.events {
		if e := &w.events[i]; e.Kind == history.Send && slices.Contains(ids, e.ID) {
			e.Batch = batch
		}
	}
}

// pin has a message name a partition.
func (w *world) pin(id string, partition int32) {
	for i := range w.events {
		if e := &w.events[i]; e.Kind == history.Send && e.ID == id {
			e.Pinned = &partition
		}
	}
}

func TestCleanHistories(t *testing.T) {
	none := func(*testing.T, *world) {}
	cases := map[string]struct {
		spoil func(*testing.T, *world)
		want  Report
	}{
		"as it is": {none, Report{Sent: 6, Answered: 4, Refused: 1, Delivered: 5, Duplicates: 1}},
		"a cut connection's message is in no log": {func(_ *testing.T, w *world) {
			w.kafka.Log[1] = w.kafka.Log[1][:1]
			w.events = slices.DeleteFunc(w.events, func(e history.Event) bool { return e.Partition == 1 && (e.Offset == 1 || e.Offset == 2) })
			w.add(position(1, 1))
		}, Report{Sent: 6, Answered: 4, Refused: 1, Delivered: 4, Duplicates: 1}},
		"TIMEOUT, and written": {func(t *testing.T, w *world) {
			w.replace(t, ack(1, "a3", 0, 1), refuse(1, "a3", "TIMEOUT", true))
		}, Report{Sent: 6, Answered: 3, Refused: 1, Unknown: 1, Delivered: 5, Duplicates: 1}},
		"a retriable error, and not written": {func(t *testing.T, w *world) {
			w.replace(t, refuse(2, "b2", "INVALID_VALUE", false), refuse(2, "b2", "KAFKA_UNAVAILABLE", true))
		}, Report{Sent: 6, Answered: 4, Unknown: 1, Delivered: 5, Duplicates: 1}},
		"a message is written twice by a producer that began anew": {func(_ *testing.T, w *world) {
			w.kafka.Anew = true
			w.kafka.Log[0] = append(w.kafka.Log[0], record("a1", 3))
			w.add(deliver(4, "a1", 0, 3), commit(0, 4), position(0, 4))
		}, Report{Sent: 6, Answered: 4, Refused: 1, Delivered: 6, Duplicates: 2}},
		"refused at the second try, written at the first": {func(t *testing.T, w *world) {
			w.kafka.Unsure = true
			w.replace(t, ack(1, "a3", 0, 1), refuse(1, "a3", "NOT_AUTHORIZED", false))
		}, Report{Sent: 6, Answered: 3, Refused: 1, Unknown: 1, Delivered: 5, Duplicates: 1}},
		"a group that began later": {func(t *testing.T, w *world) {
			w.kafka.Groups[0].From = map[int32]int64{0: 2}
			w.replace(t, deliver(3, "a1", 0, 0))
			w.replace(t, commit(0, 1), commit(0, 2))
			w.replace(t, position(0, 1), position(0, 2))
		}, Report{Sent: 6, Answered: 4, Refused: 1, Delivered: 4, Duplicates: 1}},
		"batches are written whole, or aborted, or nobody knows": {func(t *testing.T, w *world) {
			inBatch(t, w, "one", "a1", "a2", "a3")
			inBatch(t, w, "two", "b2")
			w.replace(t, refuse(2, "b2", "INVALID_VALUE", false), refuse(2, "b2", "TRANSACTION_ABORTED", true))
			w.replace(t, ack(1, "a3", 0, 1), refuse(1, "a3", "TIMEOUT", true))
		}, Report{Sent: 6, Answered: 3, Aborted: 1, Unknown: 1, Delivered: 5, Duplicates: 1}},
		"a client that commits by itself": {func(t *testing.T, w *world) {
			w.kafka.Groups[0].Manual = true
			w.replace(t, commit(0, 1), history.Event{Kind: history.ClientCommit, Group: "g", Offset: 0}, commit(0, 1))
			w.replace(t, commit(0, 3), history.Event{Kind: history.ClientCommit, Group: "g", Offset: 2}, commit(0, 3))
			w.replace(t, commit(1, 2), history.Event{Kind: history.ClientCommit, Group: "g", Partition: 1, Offset: 1}, commit(1, 2))
		}, Report{Sent: 6, Answered: 4, Refused: 1, Delivered: 5, Duplicates: 1}},
		"a hole in the log": {func(t *testing.T, w *world) {
			w.kafka.Log[0][2].Offset = 7
			w.replace(t, ack(2, "b1", 0, 2), ack(2, "b1", 0, 7))
			w.replace(t, deliver(4, "b1", 0, 2), deliver(4, "b1", 0, 7))
			w.replace(t, position(0, 3), position(0, 8))
		}, Report{Sent: 6, Answered: 4, Refused: 1, Delivered: 5, Duplicates: 1}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := clean()
			c.spoil(t, w)
			got := Check(w.events, w.kafka)
			for _, v := range got.Violations {
				t.Errorf("a violation: %s", v)
			}
			got.Violations = nil
			if got.Sent != c.want.Sent || got.Answered != c.want.Answered || got.Refused != c.want.Refused || got.Aborted != c.want.Aborted ||
				got.Unknown != c.want.Unknown || got.Delivered != c.want.Delivered || got.Duplicates != c.want.Duplicates {
				t.Errorf("counted %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestPlantedViolations(t *testing.T) {
	cases := map[string]planted{
		"an answered record is gone": {func(t *testing.T, w *world) {
			w.kafka.Log[0] = w.kafka.Log[0][:2]
			w.replace(t, deliver(4, "b1", 0, 2))
			w.replace(t, commit(0, 3), commit(0, 2))
			w.replace(t, position(0, 3), position(0, 2))
		}, []Rule{Missing}},
		"an answer tells another offset": {func(t *testing.T, w *world) {
			w.replace(t, ack(1, "a3", 0, 1), ack(1, "a3", 0, 0))
		}, []Rule{Mismatch}},
		"two answers are swapped": {func(t *testing.T, w *world) {
			w.replace(t, ack(1, "a2", 1, 0), ack(1, "x", 0, 1))
			w.replace(t, ack(1, "a3", 0, 1), ack(1, "a2", 1, 0))
			w.replace(t, ack(1, "x", 0, 1), ack(1, "a3", 0, 1))
		}, []Rule{Mismatch, Mismatch}},
		"offsets are swapped between answers": {func(t *testing.T, w *world) {
			w.replace(t, ack(1, "a1", 0, 0), ack(1, "a1", 0, 1))
			w.replace(t, ack(1, "a3", 0, 1), ack(1, "a3", 0, 0))
		}, []Rule{Mismatch, Mismatch}},
		"a message is answered twice with different offsets": {func(t *testing.T, w *world) {
			w.replace(t, ack(1, "a2", 1, 0), ack(1, "a1", 1, 0))
		}, []Rule{AnsweredTwice}},
		"there are more answers than messages": {func(_ *testing.T, w *world) {
			w.add(ack(1, "a3", 0, 1))
		}, []Rule{Unasked}},
		"an unknown message is answered": {func(t *testing.T, w *world) {
			w.replace(t, ack(1, "a3", 0, 1), ack(1, "z9", 0, 1))
		}, []Rule{Mismatch}},
		"a refused message is written": {func(t *testing.T, w *world) {
			w.replace(t, ack(1, "a3", 0, 1), refuse(1, "a3", "MESSAGE_TOO_LARGE", false))
		}, []Rule{RefusedWritten}},
		"a message of an aborted transaction is seen": {func(t *testing.T, w *world) {
			w.replace(t, ack(1, "a3", 0, 1), refuse(1, "a3", "TRANSACTION_ABORTED", true))
		}, []Rule{RefusedWritten}},
		"a record of an aborted transaction is delivered": {func(t *testing.T, w *world) {
			w.replace(t, refuse(2, "b2", "INVALID_VALUE", false), refuse(2, "b2", "TRANSACTION_ABORTED", true))
			w.add(deliver(4, "b2", 1, 2))
		}, []Rule{Invented}},
		"a part of a batch is seen": {func(t *testing.T, w *world) {
			inBatch(t, w, "one", "b1", "b2", "b3")
			w.replace(t, refuse(2, "b2", "INVALID_VALUE", false), refuse(2, "b2", "TIMEOUT", true))
		}, []Rule{Torn}},
		"an answered batch is seen in part": {func(t *testing.T, w *world) {
			inBatch(t, w, "one", "a1", "a2", "a3")
			w.kafka.Log[1] = w.kafka.Log[1][1:]
			w.replace(t, deliver(4, "a2", 1, 0))
		}, []Rule{Missing, Torn}},
		"a message is written twice": {func(_ *testing.T, w *world) {
			w.kafka.Log[0] = append(w.kafka.Log[0], record("a1", 3))
			w.add(deliver(4, "a1", 0, 3))
		}, []Rule{WrittenTwice}},
		"two messages change places": {func(t *testing.T, w *world) {
			w.kafka.Log[0][0], w.kafka.Log[0][1] = record("a3", 0), record("a1", 1)
			w.replace(t, ack(1, "a1", 0, 0), ack(1, "a1", 0, 1))
			w.replace(t, ack(1, "a3", 0, 1), ack(1, "a3", 0, 0))
			w.replace(t, deliver(3, "a1", 0, 0), deliver(3, "a3", 0, 0))
			w.replace(t, deliver(3, "a3", 0, 1), deliver(3, "a1", 0, 1))
			w.replace(t, deliver(4, "a3", 0, 1), deliver(4, "a1", 0, 1))
		}, []Rule{Reordered}},
		"the log holds other bytes": {func(t *testing.T, w *world) {
			w.kafka.Log[1][0].Content = "other"
			spoiled := deliver(4, "a2", 1, 0)
			spoiled.Content = "other"
			w.replace(t, deliver(4, "a2", 1, 0), spoiled)
		}, []Rule{WrongBytes}},
		"a client got other bytes": {func(t *testing.T, w *world) {
			spoiled := deliver(4, "a2", 1, 0)
			spoiled.Content = "other"
			w.replace(t, deliver(4, "a2", 1, 0), spoiled)
		}, []Rule{WrongBytes}},
		"the log holds what nobody sent": {func(_ *testing.T, w *world) {
			w.kafka.Log[1] = append(w.kafka.Log[1], record("z9", 2))
			w.add(deliver(4, "z9", 1, 2))
		}, []Rule{Invented}},
		"a client got what is not in the log": {func(_ *testing.T, w *world) {
			w.add(deliver(4, "z9", 1, 2))
		}, []Rule{Invented}},
		"a record is skipped": {func(t *testing.T, w *world) {
			w.replace(t, deliver(4, "b3", 1, 1))
		}, []Rule{CommittedUnread, CommittedUnread, Skipped}},
		"a record is left at the end": {func(t *testing.T, w *world) {
			w.replace(t, deliver(4, "b3", 1, 1))
			w.replace(t, commit(1, 2), commit(1, 1))
			w.replace(t, position(1, 2), position(1, 1))
		}, []Rule{Undelivered}},
		"a commit comes before the delivery": {func(t *testing.T, w *world) {
			w.replace(t, position(0, 1), position(0, 2))
		}, []Rule{CommittedUnread}},
		"a commit is tried before the delivery": {func(t *testing.T, w *world) {
			w.replace(t, commit(0, 1), commit(0, 2))
		}, []Rule{CommittedUnread}},
		"a commit is not the client's": {func(_ *testing.T, w *world) {
			w.kafka.Groups[0].Manual = true
			w.events = slices.DeleteFunc(w.events, func(e history.Event) bool { return e.Kind == history.Position })
		}, []Rule{CommittedUnasked, CommittedUnasked, CommittedUnasked}},
		"a position goes back": {func(_ *testing.T, w *world) {
			w.add(position(0, 2))
		}, []Rule{Rewound}},
		"too much is taken": {func(_ *testing.T, w *world) {
			w.add(history.Event{Kind: history.Taken, Conn: 2, Count: 4, Limit: 3})
		}, []Rule{Overrun}},
	}
	checkPlanted(t, clean, cases)
}

// planted is a fault in a correct history, and the rules that it violates.
type planted struct {
	plant func(*testing.T, *world)
	want  []Rule
}

func checkPlanted(t *testing.T, begin func() *world, cases map[string]planted) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := begin()
			c.plant(t, w)
			report := Check(w.events, w.kafka)
			var got []Rule
			for _, v := range report.Violations {
				got = append(got, v.Rule)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("reported %q, want %q: %v", got, c.want, report.Violations)
			}
		})
	}
}
