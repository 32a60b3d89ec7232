package checker

import (
	"slices"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

func workerOpens(conn int) history.Event {
	return history.Event{Kind: history.QueueOpen, Conn: conn, Group: "q", Limit: 2}
}

// lockEnd is when the locks of these histories end, and sentAt when their messages are sent.
const (
	lockEnd = 10_000
	sentAt  = 5_000
)

func ofQueue(kind history.Kind, conn int, offset int64, code string) history.Event {
	return history.Event{Kind: kind, At: time.UnixMilli(sentAt), Conn: conn, Offset: offset, Code: code}
}

func give(conn int, id string, offset int64, count int) history.Event {
	e := ofQueue(history.QueueRecord, conn, offset, "")
	e.Content, e.Count, e.Until = "content of "+id, count, lockEnd
	return e
}

// says has a worker acknowledge a record with a message.
func says(conn int, message, verb string, offset int64) history.Event {
	e := ofQueue(history.QueueAck, conn, offset, verb)
	e.ID = message
	return e
}

func told(verb string, offset int64) history.Event {
	e := ofQueue(history.QueueTold, 0, offset, verb)
	e.Group = "q"
	return e
}

func settled(conn int, offset int64) history.Event {
	return ofQueue(history.QueueSettled, conn, offset, "")
}

func renewed(conn int, offset int64) history.Event {
	return ofQueue(history.QueueRenewed, conn, offset, "")
}

func lost(conn int, offset int64) history.Event {
	return ofQueue(history.QueueExpired, conn, offset, "")
}

func failed(conn int, offset int64, code string) history.Event {
	return ofQueue(history.QueueFailed, conn, offset, code)
}

func answer(conn int, member string) history.Event {
	return ofQueue(history.QueueAnswered, conn, 0, member)
}

// cleanQueue has two workers: the first accepts, releases and loses a record, and ends with another one; the second settles
// what is left.
func cleanQueue() *world {
	w := &world{kafka: Kafka{
		Log:    map[int32][]Record{0: {record("a", 0), record("b", 1), record("c", 2), record("d", 3)}},
		Queues: []Queue{{Name: "q", Limit: 3, Counts: true, Told: true}},
	}}
	w.add(open(9, ""), send(9, "a"), send(9, "b"), send(9, "c"), send(9, "d"))
	w.add(workerOpens(1), workerOpens(2),
		give(1, "a", 0, 1), give(1, "b", 1, 1), says(1, "1", accept, 0), says(1, "2", "release", 1),
		told(accept, 0), told("release", 1), settled(1, 0), answer(1, "settled"), settled(1, 1), answer(1, "settled"),
		give(1, "c", 2, 1), give(1, "d", 3, 1), give(2, "b", 1, 2), says(2, "1", renew, 1), told(renew, 1), renewed(2, 1), answer(2, "renewed"),
		says(2, "2", reject, 1), told(reject, 1), failed(2, 1, "COMMIT_FAILED"), answer(2, "settled"),
		says(2, "3", reject, 1), told(reject, 1), settled(2, 1), answer(2, "settled"),
		lost(1, 2), says(1, "3", accept, 2), failed(1, 2, "LOCK_EXPIRED"), answer(1, "settled"),
		says(1, "4", accept, 3), history.Event{Kind: history.Close, Conn: 1}, told("release", 3),
		give(2, "c", 2, 2), give(2, "d", 3, 2), says(2, "4", accept, 2), says(2, "4", accept, 3), told(accept, 2), told(accept, 3),
		settled(2, 2), settled(2, 3), answer(2, "settled"))
	return w
}

// remadeQueue is a history in which the topic is made again while a worker holds records. Another one is given others at the same offsets.
func remadeQueue() *world {
	w := &world{kafka: Kafka{
		Ended:  []Instance{{Log: map[int32][]Record{0: {record("a", 0), record("b", 1), record("c", 2)}}}},
		Log:    map[int32][]Record{0: {record("x", 0), record("y", 1)}},
		Queues: []Queue{{Name: "q", Limit: 3, Counts: true, Told: true}},
		Honest: true,
	}}
	later := workerOpens(2)
	later.Began = time.UnixMilli(sentAt + 1)
	w.add(open(9, ""), send(9, "a"), send(9, "b"), send(9, "c"), send(9, "x"), send(9, "y"))
	w.add(workerOpens(1), give(1, "a", 0, 1), give(1, "b", 1, 1), says(1, "1", accept, 0), told(accept, 0), settled(1, 0), answer(1, "settled"),
		history.Event{Kind: history.Ended, At: time.UnixMilli(sentAt)},
		history.Event{Kind: history.Made, At: time.UnixMilli(sentAt), Instance: 1, Count: 1},
		later, give(2, "x", 0, 1), give(2, "y", 1, 1),
		says(1, "2", accept, 1), told(accept, 1), failed(1, 1, "LOCK_EXPIRED"), answer(1, "settled"),
		says(2, "1", accept, 0), says(2, "1", accept, 1), toldAnew(accept, 0), toldAnew(accept, 1), settled(2, 0), settled(2, 1), answer(2, "settled"),
		ends(1, sentAt+60_000, "1012"))
	return w
}

// toldAnew is told, of the second instance.
func toldAnew(verb string, offset int64) history.Event {
	e := told(verb, offset)
	e.Instance = 1
	return e
}

// ends closes the connection of a worker at a time in milliseconds.
func ends(conn int, at int64, code string) history.Event {
	return history.Event{Kind: history.Close, At: time.UnixMilli(at), Conn: conn, Code: code}
}

func TestAQueueWhoseTopicIsMadeAgainHasNoViolation(t *testing.T) {
	cases := map[string]func(*testing.T, *world){
		"as it is": func(*testing.T, *world) {},
		"Kafka has settled a record that is gone now": func(t *testing.T, w *world) {
			w.replace(t, failed(1, 1, "LOCK_EXPIRED"), settled(1, 1))
		},
		"the loss is told before": func(t *testing.T, w *world) {
			w.replace(t, says(1, "2", accept, 1), lost(1, 1), says(1, "2", accept, 1))
			w.replace(t, told(accept, 1))
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			w := remadeQueue()
			change(t, w)
			for _, v := range Check(w.events, w.kafka).Violations {
				t.Errorf("a violation: %s", v)
			}
		})
	}
}

func TestPlantedViolationsOfAQueueWhoseTopicIsMadeAgain(t *testing.T) {
	checkPlanted(t, remadeQueue, map[string]planted{
		"what a worker says of a record is told of the one that has its offset now": {func(t *testing.T, w *world) {
			w.replace(t, toldAnew(accept, 1))
			w.replace(t, told(accept, 1), toldAnew(accept, 1))
			w.replace(t, says(2, "1", accept, 1))
			w.replace(t, settled(2, 1))
		}, []Rule{OwnAccord, Lost}},
		"it is told to be settled, and Kafka was told of the other": {func(t *testing.T, w *world) {
			w.replace(t, told(accept, 1))
			w.replace(t, failed(1, 1, "LOCK_EXPIRED"), settled(1, 1))
		}, []Rule{NotTold}},
		"a worker is given records of both": {func(t *testing.T, w *world) {
			w.replace(t, says(1, "2", accept, 1), give(1, "x", 0, 2), says(1, "2", accept, 1))
			w.replace(t, says(1, "2", accept, 1))
			w.replace(t, told(accept, 1))
			w.replace(t, failed(1, 1, "LOCK_EXPIRED"))
			w.events = slices.DeleteFunc(w.events, func(e history.Event) bool { return e.Kind == history.QueueAnswered && e.Conn == 1 })
			w.replace(t, settled(1, 0), settled(1, 0), answer(1, "settled"))
		}, []Rule{Mixed}},
		"a record of the new one is settled by nobody": {func(t *testing.T, w *world) {
			w.replace(t, says(2, "1", accept, 1))
			w.replace(t, toldAnew(accept, 1))
			w.replace(t, settled(2, 1))
		}, []Rule{Lost}},
		"a worker's connection outlives its topic": {func(t *testing.T, w *world) {
			w.replace(t, ends(1, sentAt+60_000, "1012"), ends(1, sentAt+80_000, "1012"))
		}, []Rule{Outlived}},
		"a worker that came later is told that the topic is missing": {func(_ *testing.T, w *world) {
			w.add(ends(2, sentAt+60_000, "4404"))
		}, []Rule{WronglyGone}},
	})
}

func TestACleanQueueHasNoViolation(t *testing.T) {
	cases := map[string]func(*testing.T, *world){
		"as it is": func(*testing.T, *world) {},
		"a record that was delivered as often as Kafka allows": func(t *testing.T, w *world) {
			w.kafka.Queues[0].Limit = 2
			w.replace(t, settled(2, 3), failed(2, 3, "LOCK_EXPIRED"))
			w.replace(t, says(1, "4", accept, 3))
		},
		"an acknowledgement whose outcome nobody knows": func(t *testing.T, w *world) {
			w.replace(t, settled(2, 3), failed(2, 3, "COMMIT_FAILED"))
		},
		"Kafka begins to count anew": func(t *testing.T, w *world) {
			w.kafka.Queues[0] = Queue{Name: "q", Lock: lockEnd * time.Millisecond}
			w.replace(t, give(2, "b", 1, 2), give(2, "b", 1, 1))
		},
		"a renewal is told behind the loss": func(t *testing.T, w *world) {
			w.replace(t, lost(1, 2), says(1, "r", renew, 2), told(renew, 2), lost(1, 2), renewed(1, 2), answer(1, "renewed"))
		},
		"a late message is about a record that is forgotten": func(t *testing.T, w *world) {
			late := says(2, "5", accept, 3)
			late.At = time.UnixMilli(lockEnd + 1)
			w.replace(t, says(2, "4", accept, 3), late)
			w.replace(t, settled(2, 3), answer(2, "settled"), failed(2, 3, "UNKNOWN_MESSAGE_ID"))
			w.kafka.Queues[0].Limit = 2 // it has come as often as Kafka allows
		},
		"a message is about the delivery behind, and the next one comes before its outcome": func(t *testing.T, w *world) {
			w.kafka.Queues[0].Limit = 4
			w.replace(t, lost(1, 2), says(1, "r", "release", 2), lost(1, 2), told("release", 2), give(1, "c", 2, 2), give(1, "c", 2, 3),
				settled(1, 2), answer(1, "settled"), lost(1, 2))
			w.replace(t, give(2, "c", 2, 2), give(2, "c", 2, 4))
		},
		"one of two messages is about the delivery behind": func(t *testing.T, w *world) {
			w.kafka.Queues[0].Limit = 4
			w.replace(t, lost(1, 2), says(1, "r", "release", 2), lost(1, 2), told("release", 2), give(1, "c", 2, 2), says(1, "s", "release", 2), give(1, "c", 2, 3),
				settled(1, 2), answer(1, "settled"), says(1, "u", "release", 2), failed(1, 2, "UNKNOWN_MESSAGE_ID"), answer(1, "settled"),
				told("release", 2), settled(1, 2), answer(1, "settled"))
			w.replace(t, give(2, "c", 2, 2), give(2, "c", 2, 4))
		},
		"a late message is about the delivery behind": func(t *testing.T, w *world) {
			late := says(2, "4", accept, 3)
			late.At = time.UnixMilli(lockEnd + 1)
			w.replace(t, says(2, "4", accept, 3), late, give(2, "d", 3, 3))
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			w := cleanQueue()
			change(t, w)
			for _, v := range Check(w.events, w.kafka).Violations {
				t.Errorf("a violation: %s", v)
			}
		})
	}
	if r := Check(cleanQueue().events, cleanQueue().kafka); r.Handed != 7 || r.Settled != 4 {
		t.Errorf("%d handed, %d settled, want 7 and 4", r.Handed, r.Settled)
	}
}

func TestRecordsOfALeaderOfThePastAndDeletedOnesMayBeMissedOrComeAgain(t *testing.T) {
	w := cleanQueue()
	w.add(history.Event{Kind: history.Divided}, give(2, "a", 0, 2), history.Event{Kind: history.United})
	for _, v := range Check(w.events, w.kafka).Violations {
		if v.Rule == CameAgain {
			t.Error(v)
		}
	}
	var never []history.Event
	for _, e := range w.events {
		if e.Kind == history.Made || e.Kind == history.Open {
			never = append(never, e)
		}
	}
	for partition, records := range w.kafka.Log {
		never = append(never, history.Event{Kind: history.Trim, Partition: partition, Offset: records[len(records)-1].Offset + 1})
	}
	if left := Unworked(never, w.kafka); len(left) > 0 {
		t.Errorf("records that were deleted must be worked on: %q", left)
	}
	if left := Unworked(nil, w.kafka); len(left) == 0 {
		t.Error("no record must be worked on")
	}
}

func TestPlantedViolationsOfQueues(t *testing.T) {
	checkPlanted(t, cleanQueue, map[string]planted{
		"a record is accepted twice": {func(_ *testing.T, w *world) {
			w.kafka.Queues[0].Counts = false
			w.add(give(2, "a", 0, 1), says(2, "5", accept, 0), told(accept, 0), settled(2, 0), answer(2, "settled"))
		}, []Rule{SettledTwice}},
		"a record comes again by its count": {func(_ *testing.T, w *world) {
			w.add(give(2, "a", 0, 2))
		}, []Rule{CameAgain}},
		"a record comes again by its time": {func(_ *testing.T, w *world) {
			w.kafka.Queues[0] = Queue{Name: "q", Lock: (lockEnd - sentAt - 1) * time.Millisecond}
			w.add(give(2, "a", 0, 1))
		}, []Rule{CameAgain}},
		"a record comes again from a leader of the past, when all know who leads": {func(_ *testing.T, w *world) {
			w.add(history.Event{Kind: history.Divided}, history.Event{Kind: history.United}, give(2, "a", 0, 2))
		}, []Rule{CameAgain}},
		"a record that a leader of the past hands out is settled again": {func(_ *testing.T, w *world) {
			w.kafka.Queues[0].Counts = false
			w.add(history.Event{Kind: history.Divided}, give(2, "a", 0, 2), says(2, "5", accept, 0), told(accept, 0), settled(2, 0), answer(2, "settled"))
		}, []Rule{SettledTwice}},
		"two workers have one delivery": {func(t *testing.T, w *world) {
			w.replace(t, give(2, "b", 1, 2), give(2, "b", 1, 1))
		}, []Rule{SameDelivery}},
		"a record comes too often": {func(t *testing.T, w *world) {
			w.replace(t, give(2, "b", 1, 2), give(2, "b", 1, 4))
		}, []Rule{BeyondLimit}},
		"a worker is given what it holds": {func(t *testing.T, w *world) {
			w.replace(t, lost(1, 2), give(1, "c", 2, 3), lost(1, 2))
		}, []Rule{HeldTwice}},
		"a worker holds more than its window": {func(t *testing.T, w *world) {
			w.kafka.Log[0] = append(w.kafka.Log[0], record("e", 4))
			w.add(send(9, "e"), says(2, "5", accept, 4))
			w.replace(t, lost(1, 2), give(1, "e", 4, 1), lost(1, 4), lost(1, 2))
		}, []Rule{Overfull}},
		"what a worker was told to have lost is settled": {func(t *testing.T, w *world) {
			w.replace(t, failed(1, 2, "LOCK_EXPIRED"), told(accept, 2), settled(1, 2))
		}, []Rule{Unheld}},
		"a late acknowledgement succeeds": {func(t *testing.T, w *world) {
			late := says(1, "1", accept, 0)
			late.At = time.UnixMilli(lockEnd + 1)
			w.replace(t, says(1, "1", accept, 0), late)
		}, []Rule{Late}},
		"a worker holds what is called unknown": {func(t *testing.T, w *world) {
			w.replace(t, settled(1, 0), failed(1, 0, "UNKNOWN_MESSAGE_ID"))
			w.add(says(1, "5", accept, 0))
		}, []Rule{Disowned}},
		"an acknowledgement has no outcome": {func(t *testing.T, w *world) {
			w.replace(t, settled(2, 3))
		}, []Rule{Unanswered}},
		"an acknowledgement has two": {func(t *testing.T, w *world) {
			w.replace(t, settled(2, 3), settled(2, 3), settled(2, 3))
		}, []Rule{Unasked}},
		"an answer too many": {func(_ *testing.T, w *world) {
			w.add(answer(2, "settled"))
		}, []Rule{Unasked}},
		"answers out of turn": {func(t *testing.T, w *world) {
			w.replace(t, settled(1, 0), settled(1, 1))
		}, []Rule{Unasked, Unanswered}},
		"a renewal is answered as if it settled": {func(t *testing.T, w *world) {
			w.replace(t, renewed(2, 1), settled(2, 1))
			w.replace(t, answer(2, "renewed"), answer(2, "settled"))
		}, []Rule{Mismatch, Mismatch}},
		"what nobody holds expires": {func(_ *testing.T, w *world) {
			w.add(lost(2, 2))
		}, []Rule{Unasked}},
		"an error that no record has": {func(t *testing.T, w *world) {
			w.replace(t, failed(1, 2, "LOCK_EXPIRED"), failed(1, 2, "INVALID_MESSAGE"))
		}, []Rule{Unasked}},
		"Kafka is not told of a release": {func(t *testing.T, w *world) {
			w.replace(t, told("release", 1))
		}, []Rule{NotTold}},
		"Kafka is told too late": {func(t *testing.T, w *world) {
			w.replace(t, told(accept, 0))
			w.replace(t, settled(1, 0), settled(1, 0), told(accept, 0))
		}, []Rule{NotTold, OwnAccord}},
		"Kafka is told what no worker has said": {func(t *testing.T, w *world) {
			w.replace(t, told("release", 3), told(reject, 3))
		}, []Rule{OwnAccord}},
		"Kafka is told to renew on its own accord": {func(t *testing.T, w *world) {
			w.replace(t, give(1, "c", 2, 1), give(1, "c", 2, 1), told(renew, 2))
		}, []Rule{OwnAccord}},
		"Kafka is told what has failed": {func(t *testing.T, w *world) {
			w.replace(t, failed(1, 2, "LOCK_EXPIRED"), failed(1, 2, "LOCK_EXPIRED"), told(accept, 2))
		}, []Rule{OwnAccord}},
		"Kafka is told that there is no record": {func(t *testing.T, w *world) {
			w.replace(t, told("release", 3), told(history.Gap, 3))
		}, []Rule{OwnAccord}},
		"a record is delivered to nobody": {func(_ *testing.T, w *world) {
			w.kafka.Log[0] = append(w.kafka.Log[0], record("e", 4))
			w.add(send(9, "e"))
		}, []Rule{Undelivered}},
		"a record is settled by nobody": {func(t *testing.T, w *world) {
			w.replace(t, says(1, "4", accept, 3))
			w.replace(t, settled(2, 3), failed(2, 3, "LOCK_EXPIRED"))
		}, []Rule{Lost}},
		"a worker is given other bytes": {func(t *testing.T, w *world) {
			w.replace(t, give(2, "b", 1, 2), give(2, "c", 1, 2))
		}, []Rule{WrongBytes}},
		"a worker is given what is not in the log": {func(_ *testing.T, w *world) {
			w.add(give(2, "z", 7, 1))
		}, []Rule{Invented}},
	})
}
