package checker

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// goesOn asks for what follows a cursor, and a record that the client has beyond it.
func goesOn(topic string, after int64, keys ...string) *history.Tail {
	return &history.Tail{
		Topics: []string{"readings", "prices"}, From: "cursor", Cursor: "c", Slow: "latest", Keys: keys,
		After: []history.After{{Topic: topic, Offset: after}},
	}
}

// both is what the tails of these tests ask for first.
func both(keys ...string) *history.Tail {
	return &history.Tail{Topics: []string{"readings", "prices"}, From: "earliest", Slow: "latest", Keys: keys}
}

// TestTailsThatHaveEndedATopic has a client be given a record beyond its cursor, end the topic, and come back with the
// cursor, in which the topic still is.
func TestTailsThatHaveEndedATopic(t *testing.T) {
	events := func() *world {
		w := &world{kafka: Kafka{
			Name: "readings", Tails: []string{"t"}, Log: map[int32][]Record{0: nil},
			Beside: map[string]map[int32][]Record{"prices": {0: {keyed("p1", 0, "k"), keyed("p2", 1, "l")}}},
		}}
		w.add(ofPrices(opened(0, 9, "")), opensTail(1, 2, both()), begins(2, ""), cursor(2, "c"),
			ofPrices(at(2, send(9, "p1"))), ofPrices(at(2, ack(9, "p1", 0, 0))), price("p1", 0),
			commands(2, "prices", nil), obeyed(2, "prices"), closing(3, 2, ""),
			ofPrices(at(4, send(9, "p2"))), ofPrices(at(4, ack(9, "p2", 0, 1))),
			opensTail(5, 3, goesOn("prices", 0)), begins(3, ""), ofPrices(given(3, "p2", 0, 1)))
		return w
	}
	checkPlanted(t, events, map[string]planted{
		"as it is":                        {func(*testing.T, *world) {}, nil},
		"the record was not given before": {func(t *testing.T, w *world) { w.replace(t, price("p1", 0)) }, []Rule{Undelivered}},
	})
}

// TestTailsThatSelectBeforeTheyComeBack has a client ask for another key behind its cursor: records with that key which lie
// before what it has beyond the cursor are none that it is owed.
func TestTailsThatSelectBeforeTheyComeBack(t *testing.T) {
	wantsBoth := &history.Tail{From: "latest", Keys: []string{"k", "l"}}
	events := func() *world {
		w := &world{kafka: Kafka{
			Name: "readings", Tails: []string{"t"},
			Log: map[int32][]Record{0: {keyed("a1", 0, "l"), keyed("a2", 1, "k"), keyed("a3", 2, "k")}},
		}}
		w.add(opened(0, 1, ""), opensTail(1, 2, both("k")), begins(2, ""), cursor(2, "c"))
		w.written(2, 0, 0, "a1", "a2", "a3")
		w.add(given(2, "a2", 0, 1), given(2, "a3", 0, 2), commands(2, "", wantsBoth), obeyed(2, ""), closing(6, 2, ""),
			opensTail(7, 3, goesOn("readings", 2, "k", "l")), begins(3, ""))
		return w
	}
	checkPlanted(t, events, map[string]planted{
		"as it is": {func(*testing.T, *world) {}, nil},
		"a record with the key that it always wanted was not given": {func(t *testing.T, w *world) {
			w.replace(t, given(2, "a2", 0, 1))
			w.replace(t, given(2, "a3", 0, 2))
		}, []Rule{Undelivered}},
	})
}
