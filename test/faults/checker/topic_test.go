package checker

import (
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// moment returns a time in a history, in seconds.
func moment(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

func at(seconds int, e history.Event) history.Event {
	e.At = moment(seconds)
	return e
}

func opened(seconds, conn int, group string) history.Event {
	return at(seconds, history.Event{Kind: history.Open, Conn: conn, Group: group, Began: moment(seconds)})
}

func of(instance int, e history.Event) history.Event {
	e.Instance = instance
	return e
}

func made(seconds, instance, partitions int) history.Event {
	return at(seconds, history.Event{Kind: history.Made, Instance: instance, Count: partitions})
}

func gone(seconds, instance int) history.Event {
	return at(seconds, history.Event{Kind: history.Ended, Instance: instance})
}

func logEnd(instance int, partition int32, offset int64) history.Event {
	return history.Event{Kind: history.LogEnd, Instance: instance, Partition: partition, Offset: offset}
}

func trimmed(partition int32, offset int64) history.Event {
	return history.Event{Kind: history.Trim, Instance: 1, Partition: partition, Offset: offset}
}

func closing(seconds, conn int, code string) history.Event {
	return at(seconds, history.Event{Kind: history.Close, Conn: conn, Code: code})
}

// ofGroup changes an event to one of another group.
func ofGroup(group string, e history.Event) history.Event {
	e.Group = group
	return e
}

// remade is a history without a fault in which the topic is deleted and created again, with the records
// that two groups receive of each instance. The second group begins at the end. A partition is added to
// the second instance, which also loses its first record.
func remade() *world {
	w := &world{kafka: Kafka{
		Ended: []Instance{{Log: map[int32][]Record{0: {record("a1", 0), record("a2", 1)}}, Open: map[string]bool{"a3": true}}},
		Log: map[int32][]Record{
			0: {record("b1", 0), record("b2", 1), record("b3", 2)},
			1: {record("b4", 0)},
		},
		Groups: []Group{{Name: "g"}, {Name: "late", Latest: true}}, Honest: true,
	}}
	w.add(made(0, 0, 1), opened(1, 1, ""), opened(1, 2, "g"),
		send(1, "a1"), ack(1, "a1", 0, 0), send(1, "a2"), ack(1, "a2", 0, 1), send(1, "a3"), ack(1, "a3", 0, 2), send(1, "a4"),
		deliver(2, "a1", 0, 0), commit(0, 1), logEnd(0, 0, 2), position(0, 1),
		gone(10, 0), refuse(1, "a4", "TOPIC_NOT_FOUND", false), closing(12, 1, "4404"), made(15, 1, 1), closing(16, 2, "1012"),
		opened(20, 3, ""), opened(20, 4, "g"), opened(20, 5, "late"),
		send(3, "b1"), ack(3, "b1", 0, 0), logEnd(1, 0, 1), ofGroup("late", of(1, position(0, 1))),
		send(3, "b2"), ack(3, "b2", 0, 1), send(3, "b3"), ack(3, "b3", 0, 2),
		at(30, history.Event{Kind: history.Grown, Instance: 1, Count: 2}), send(3, "b4"), ack(3, "b4", 1, 0),
		trimmed(0, 1),
		deliver(4, "b2", 0, 1), deliver(4, "b3", 0, 2), deliver(4, "b4", 1, 0), of(1, commit(0, 3)), logEnd(1, 0, 3), of(1, position(0, 3)),
		ofGroup("late", deliver(5, "b2", 0, 1)), ofGroup("late", deliver(5, "b3", 0, 2)), ofGroup("late", deliver(5, "b4", 1, 0)),
		ofGroup("late", of(1, position(0, 3))), ofGroup("late", of(1, position(1, 1))),
		at(40, history.Event{Kind: history.Broken}), closing(50, 4, "1013"), closing(50, 5, "1013"), at(80, history.Event{Kind: history.Mended}),
		history.Event{Kind: history.Requests, Content: "to fetch", Count: 10, Limit: 10})
	return w
}

func TestTopicsThatChange(t *testing.T) {
	cases := map[string]planted{
		"as it is": {func(*testing.T, *world) {}, nil},
		"an answered record is in no instance": {func(_ *testing.T, w *world) {
			w.kafka.Ended[0].Log[0] = w.kafka.Ended[0].Log[0][:1]
		}, []Rule{Missing}},
		"an answered record was left open by another transaction": {func(_ *testing.T, w *world) {
			w.kafka.Ended[0].Open = nil
		}, []Rule{Missing}},
		"the position of the old instance is committed to the new one": {func(t *testing.T, w *world) {
			w.replace(t, opened(20, 3, ""), opened(20, 3, ""), logEnd(1, 0, 0), of(1, commit(0, 2)), of(1, position(0, 2)))
		}, []Rule{CommittedUnread, CommittedUnread, Beyond}},
		"and to a group that begins at the end": {func(t *testing.T, w *world) {
			w.replace(t, opened(20, 3, ""), opened(20, 3, ""), logEnd(1, 0, 0), ofGroup("late", of(1, position(0, 2))))
		}, []Rule{Beyond, Rewound}},
		"a record of the new instance is skipped": {func(t *testing.T, w *world) {
			w.replace(t, deliver(4, "b2", 0, 1))
		}, []Rule{CommittedUnread, CommittedUnread, Skipped}},
		"a record of the old instance is skipped": {func(t *testing.T, w *world) {
			w.replace(t, deliver(2, "a1", 0, 0), deliver(2, "a2", 0, 1))
			w.replace(t, position(0, 1), position(0, 2))
		}, []Rule{CommittedUnread, CommittedUnread, Skipped}},
		"an added partition is begun at its end": {func(t *testing.T, w *world) {
			w.replace(t, ofGroup("late", deliver(5, "b4", 1, 0)))
		}, []Rule{CommittedUnread, Skipped}},
		"a group that begins at the end skips what comes then": {func(t *testing.T, w *world) {
			w.replace(t, ofGroup("late", deliver(5, "b2", 0, 1)))
			w.replace(t, trimmed(0, 1))
			w.replace(t, deliver(4, "b2", 0, 1), deliver(4, "b1", 0, 0), deliver(4, "b2", 0, 1))
		}, []Rule{CommittedUnread, Skipped}},
		"a group whose position is lost goes on at the end": {func(t *testing.T, w *world) {
			w.replace(t, trimmed(0, 1), trimmed(0, 2), logEnd(1, 0, 3), ofGroup("late", of(1, position(0, 3))))
			w.replace(t, ofGroup("late", deliver(5, "b2", 0, 1)))
			w.replace(t, ofGroup("late", deliver(5, "b3", 0, 2)))
		}, nil},
		"a lost position is kept": {func(t *testing.T, w *world) {
			w.replace(t, trimmed(0, 1), trimmed(0, 2))
			w.replace(t, deliver(4, "b3", 0, 2))
		}, []Rule{CommittedUnread, CommittedUnread, Skipped}},
		"a connection has records of both instances": {func(t *testing.T, w *world) {
			w.replace(t, deliver(4, "b2", 0, 1), deliver(2, "b2", 0, 1))
		}, []Rule{Mixed}},
		"a new connection is told that there is no topic": {func(t *testing.T, w *world) {
			w.replace(t, ack(3, "b1", 0, 0), refuse(3, "b1", "TOPIC_NOT_FOUND", false))
			w.kafka.Log[0] = w.kafka.Log[0][1:]
		}, []Rule{WronglyGone}},
		"a new connection is closed for want of the topic": {func(t *testing.T, w *world) {
			w.replace(t, closing(50, 4, "1013"), closing(50, 4, "4404"))
		}, []Rule{WronglyGone}},
		"a connection outlives its topic": {func(t *testing.T, w *world) {
			w.replace(t, closing(16, 2, "1012"))
			w.add(closing(86, 2, "1012"))
		}, []Rule{Silent, Outlived}},
		"a reader is told nothing of an error that stays": {func(t *testing.T, w *world) {
			w.replace(t, closing(50, 4, "1013"))
		}, []Rule{Silent}},
		"a reader is told late of an error that stays": {func(t *testing.T, w *world) {
			w.replace(t, closing(50, 4, "1013"), closing(71, 4, "1013"))
		}, []Rule{Silent}},
		"a reader that has records is told nothing": {func(t *testing.T, w *world) {
			w.replace(t, closing(50, 4, "1013"), deliver(4, "b3", 0, 2))
		}, nil},
		"a batch was open when its topic was deleted": {func(t *testing.T, w *world) {
			inBatch(t, w, "one", "a1", "a3")
		}, nil},
		"a batch lacks a message for a partition that is not there": {func(t *testing.T, w *world) {
			inBatch(t, w, "one", "a2", "a4")
			w.replace(t, refuse(1, "a4", "TOPIC_NOT_FOUND", false), refuse(1, "a4", "INVALID_PARTITION", false))
		}, nil},
		"a batch lacks a message without an answer for a partition that is not there": {func(t *testing.T, w *world) {
			inBatch(t, w, "one", "a2", "a4")
			w.pin("a4", 1)
			w.replace(t, refuse(1, "a4", "TOPIC_NOT_FOUND", false))
		}, nil},
		"a batch lacks a message without an answer for a partition that is there": {func(t *testing.T, w *world) {
			inBatch(t, w, "one", "a2", "a4")
			w.pin("a4", 0)
			w.replace(t, refuse(1, "a4", "TOPIC_NOT_FOUND", false))
		}, []Rule{Torn}},
		"a batch is written in part": {func(t *testing.T, w *world) {
			inBatch(t, w, "one", "a2", "a4")
		}, []Rule{Torn}},
		"requests follow each other without a pause": {func(_ *testing.T, w *world) {
			w.add(history.Event{Kind: history.Requests, Content: "to fetch", Count: 11, Limit: 10})
		}, []Rule{HotLoop}},
	}
	checkPlanted(t, remade, cases)
}
