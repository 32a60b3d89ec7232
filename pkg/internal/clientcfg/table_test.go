package clientcfg

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// The defaults of tests, as the settings give them.
var (
	consumerDefaults = Limits{MaxConnections: 1, MessagesPerSecond: 2, BatchSize: 3}
	producerDefaults = Limits{MaxConnections: 4, MessagesPerSecond: 5}
)

// counted makes a table that has a topic, and counts what it skips.
func counted(static Static) (t *Table, skipped *int) {
	skipped = new(int)
	return New(Options{
		Consumers: consumerDefaults, Producers: producerDefaults, Static: static,
		Dynamic: true, Skipped: func() { *skipped++ },
	}), skipped
}

func (t *Table) read(key, value string) { t.Read(0, time.Time{}, []byte(key), []byte(value)) }

func (t *Table) remove(key string) { t.Read(0, time.Time{}, []byte(key), nil) }

func mustParse(t *testing.T, text string) Static {
	t.Helper()
	static, err := ParseFile("limits.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return static
}

const file = `
consumers:
  static:
    - {group-id: __DEFAULT__, batch-size: 30}
    - {group-id: both, max-connections: 10, messages-per-second: 20}
    - {group-id: static, max-connections: 0}
producers:
  static:
    - {producer-id: both, messages-per-second: 50}
`

func TestPrecedence(t *testing.T) {
	table, skipped := counted(mustParse(t, file))
	table.Restart("start")
	table.read("consumer/both", `{"group-id":"both","batch-size":7}`)
	table.read("consumer/dynamic", `{"max-connections":0}`)
	table.read("producer/dynamic", `{"producer-id":"dynamic","max-connections":2147483647}`)
	table.CaughtUp()
	for _, test := range []struct {
		name string
		kind Kind
		id   string
		want Limits
	}{
		{"the defaults, changed by the file", Consumer, "other", Limits{1, 2, 30}},
		{"the defaults of the settings", Producer, "other", Limits{4, 5, 0}},
		{"a static entry over the defaults", Consumer, "static", Limits{0, 2, 30}},
		{"a dynamic entry over the defaults, not over the static one", Consumer, "both", Limits{1, 2, 7}},
		{"a dynamic entry without a static one", Consumer, "dynamic", Limits{0, 2, 30}},
		{"the same id of the other kind", Producer, "both", Limits{4, 50, 0}},
		{"a producer", Producer, "dynamic", Limits{2147483647, 5, 0}},
	} {
		if got := table.Limits(test.kind, test.id); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
	table.remove("consumer/both")
	if got, want := table.Limits(Consumer, "both"), (Limits{10, 20, 30}); got != want {
		t.Errorf("after the dynamic entry: got %+v, want %+v", got, want)
	}
	if *skipped != 0 {
		t.Errorf("%d skipped", *skipped)
	}
}

func TestAllAndGet(t *testing.T) {
	table, _ := counted(mustParse(t, file))
	if _, err := table.All(); proxy.AsError(err).Kind != proxy.KindKafkaUnavailable {
		t.Errorf("before the end of the topic: %v", err)
	}
	if _, err := table.Get(Consumer, "static"); proxy.AsError(err).Kind != proxy.KindKafkaUnavailable {
		t.Errorf("before the end of the topic: %v", err)
	}
	table.read("consumer/z", `{}`)
	table.read("consumer/a/b", `{"max-connections":9}`)
	table.CaughtUp()
	all, err := table.All()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"consumers":{"static":[` +
		`{"group-id":"__DEFAULT__","max-connections":1,"messages-per-second":2,"batch-size":30},` +
		`{"group-id":"both","max-connections":10,"messages-per-second":20,"batch-size":30},` +
		`{"group-id":"static","max-connections":0,"messages-per-second":2,"batch-size":30}],"dynamic":[` +
		`{"group-id":"a/b","max-connections":9,"messages-per-second":2,"batch-size":30},` +
		`{"group-id":"z","max-connections":1,"messages-per-second":2,"batch-size":30}]},` +
		`"producers":{"static":[` +
		`{"producer-id":"__DEFAULT__","max-connections":4,"messages-per-second":5},` +
		`{"producer-id":"both","max-connections":4,"messages-per-second":50}],"dynamic":[]}}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	for id, want := range map[string]string{
		"a/b":     `{"group-id":"a/b","max-connections":9,"messages-per-second":2,"batch-size":30}`,
		"static":  `{"group-id":"static","max-connections":0,"messages-per-second":2,"batch-size":30}`,
		DefaultID: `{"group-id":"__DEFAULT__","max-connections":1,"messages-per-second":2,"batch-size":30}`,
	} {
		c, err := table.Get(Consumer, id)
		if text, _ := json.Marshal(c); string(text) != want || err != nil {
			t.Errorf("%s: got %s, %v", id, text, err)
		}
	}
	if _, err := table.Get(Producer, "a/b"); proxy.AsError(err).Kind != proxy.KindNotFound {
		t.Errorf("of the other kind: %v", err)
	}
}

func TestWhatCannotBeReadIsCounted(t *testing.T) {
	for _, test := range []struct{ name, key, value string }{
		{"no key", "", `{}`},
		{"another key", "session/x", `{}`},
		{"no id", "consumer/", `{}`},
		{"an id that is not UTF-8", "consumer/\xff", `{}`},
		{"a control character", "producer/a\nb", `{}`},
		{"an id that is too long", "consumer/" + strings.Repeat("ä", 250), `{}`},
		{"the defaults", "consumer/__DEFAULT__", `{}`},
		{"no value", "consumer/g", ``},
		{"not JSON", "consumer/g", "\x00\xff"},
		{"not an object", "consumer/g", `[]`},
		{"cut off", "consumer/g", `{"max-connections":1`},
		{"more behind it", "consumer/g", `{} {}`},
		{"nested deeply", "consumer/g", `{"x":` + strings.Repeat("[", 100_000)},
		{"another id", "consumer/g", `{"group-id":"h"}`},
		{"negative", "consumer/g", `{"max-connections":-1}`},
		{"huge", "consumer/g", `{"max-connections":2147483648}`},
		{"beyond all integers", "consumer/g", `{"max-connections":1e999}`},
		{"text", "consumer/g", `{"max-connections":"1"}`},
		{"given twice", "consumer/g", `{"max-connections":1,"max-connections":1}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			table, skipped := counted(Static{})
			table.CaughtUp()
			table.read("consumer/g", `{"batch-size":1}`)
			table.read("consumer/h", `{"batch-size":1}`)
			table.read(test.key, test.value)
			if *skipped != 1 {
				t.Errorf("%d skipped", *skipped)
			}
			if got := table.Limits(Consumer, "h").BatchSize; got != 1 {
				t.Errorf("another entry changed: %d", got)
			}
			want := 1
			if test.key == "consumer/g" {
				want = consumerDefaults.BatchSize // compaction leaves nothing of the older record either
			}
			if got := table.Limits(Consumer, "g").BatchSize; got != want {
				t.Errorf("got batch size %d, want %d", got, want)
			}
		})
	}
}

func TestMembersOfANewerVersionAreIgnored(t *testing.T) {
	table, skipped := counted(Static{})
	table.CaughtUp()
	table.read("producer/p", `{"producer-id":"p","batch-size":1,"new":{"a":[1,2]},"max-connections":8}`)
	if got := table.Limits(Producer, "p"); *skipped != 0 || got != (Limits{8, 5, 0}) {
		t.Errorf("got %+v, %d skipped", got, *skipped)
	}
}

func TestEntriesAreBounded(t *testing.T) {
	table, skipped := counted(Static{})
	table.CaughtUp()
	for i := range MaxEntries - 1 {
		table.dynamic[identity{Consumer, fmt.Sprint(i)}] = Entry{}
	}
	for _, key := range []string{"consumer/last", "consumer/more", "producer/more"} {
		table.read(key, `{"batch-size":9}`)
	}
	if *skipped != 2 || len(table.dynamic) != MaxEntries {
		t.Errorf("%d entries, %d skipped", len(table.dynamic), *skipped)
	}
	table.read("consumer/0", `{"batch-size":10}`)
	if got := table.Limits(Consumer, "0").BatchSize; got != 10 {
		t.Errorf("a known entry was not changed: %d", got)
	}
	if err := table.checkAbsent(identity{Consumer, "new"}); proxy.AsError(err).Kind != proxy.KindLimitReached {
		t.Errorf("got %v", err)
	}
}

func TestWatchersAreToldOfChangesAndNothingElse(t *testing.T) {
	table, _ := counted(mustParse(t, file))
	var told []Limits
	stop := table.Watch(Consumer, "both", func(l Limits) { told = append(told, l) })
	want := []Limits{{10, 20, 30}}
	expect := func(when string, more ...Limits) {
		t.Helper()
		want = append(want, more...)
		if !slices.Equal(told, want) {
			t.Fatalf("%s: told %+v, want %+v", when, told, want)
		}
	}
	expect("at once")
	table.Restart("start")
	table.read("consumer/both", `{"batch-size":5}`)
	table.read("consumer/both", `{"batch-size":6}`)
	expect("before the end of the topic")
	table.CaughtUp()
	expect("at the end", Limits{1, 2, 6})
	table.read("consumer/other", `{"batch-size":7}`)
	table.read("producer/both", `{"max-connections":7}`)
	expect("for others")
	table.read("consumer/both", `{"batch-size":6,"max-connections":1}`)
	expect("the same in other words")
	table.read("consumer/both", `{"batch-size":0}`)
	expect("a change", Limits{1, 2, 0})

	table.Restart("the topic was made again")
	table.read("consumer/both", `{"batch-size":8}`)
	table.remove("consumer/both")
	expect("while it is read anew")
	if got := table.Limits(Consumer, "both"); got != (Limits{1, 2, 0}) {
		t.Errorf("while it is read anew, %+v is in force", got)
	}
	table.CaughtUp()
	expect("when it has been read", Limits{10, 20, 30})

	stop()
	table.read("consumer/both", `{"batch-size":9}`)
	expect("after stop")
	if len(table.watchers) != 0 {
		t.Errorf("%d watched clients are kept", len(table.watchers))
	}
}

func TestWatchersOfOneClientStopAlone(t *testing.T) {
	table := New(Options{})
	var first, second int
	stopFirst := table.Watch(Producer, "p", func(Limits) { first++ })
	stopSecond := table.Watch(Producer, "p", func(Limits) { second++ })
	stopFirst()
	stopFirst()
	table.read("producer/p", `{"max-connections":1}`)
	stopSecond()
	if first != 1 || second != 2 || len(table.watchers) != 0 {
		t.Errorf("told %d and %d times, %d clients watched", first, second, len(table.watchers))
	}
}

// TestCompactionChangesNothing reads random topics whole, compacted at random offsets, and again
// after a restart: the limits in force are the same.
func TestCompactionChangesNothing(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		log := randomLog(random)
		whole := replayed(log)
		for cut := range len(log) + 1 {
			if got := replayed(append(compact(log[:cut]), log[cut:]...)); !reflect.DeepEqual(got, whole) {
				t.Fatalf("seed %d, compacted up to %d: got %+v, want %+v", seed, cut, got, whole)
			}
		}
	}
}

func randomLog(random *rand.Rand) []Record {
	keys := []string{"consumer/a", "consumer/b", "producer/a", "consumer/", "x"}
	values := []string{`{}`, `{"max-connections":1}`, `{"batch-size":2}`, `{"max-connections":-1}`, `x`, ``}
	log := make([]Record, random.IntN(30))
	for i := range log {
		log[i].Key = []byte(keys[random.IntN(len(keys))])
		if n := random.IntN(len(values) + 1); n < len(values) {
			log[i].Value = []byte(values[n])
		}
	}
	return log
}

// compact keeps the last record of each key, without tombstones.
func compact(log []Record) []Record {
	last := make(map[string]int)
	for i, r := range log {
		last[string(r.Key)] = i
	}
	var kept []Record
	for _, i := range slices.Sorted(maps.Values(last)) {
		if log[i].Value != nil {
			kept = append(kept, log[i])
		}
	}
	return kept
}

// replayed returns the entries of a topic that was read to its end.
func replayed(log []Record) map[identity]Entry {
	table, _ := counted(Static{})
	table.Restart("start")
	for _, r := range log {
		table.Read(0, time.Time{}, r.Key, r.Value)
	}
	table.CaughtUp()
	return table.dynamic
}

// FuzzRead states that no record causes a panic, and that an entry is written again as it was read.
func FuzzRead(f *testing.F) {
	f.Add([]byte("consumer/g"), []byte(`{"group-id":"g","max-connections":1,"messages-per-second":2,"batch-size":3}`))
	f.Add([]byte("producer/p"), []byte(`{"new":null,"max-connections":3}`))
	f.Add([]byte("consumer/\x00"), []byte("\xff"))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		table, skipped := counted(Static{})
		table.CaughtUp()
		table.Read(0, time.Time{}, key, value)
		if read := len(table.dynamic); read+*skipped > 1 || value != nil && read+*skipped != 1 {
			t.Fatalf("%d read, %d skipped", read, *skipped)
		}
		for i, entry := range table.dynamic {
			r := i.record(entry)
			if !bytes.Equal(r.Key, key) {
				t.Fatalf("key %q is written as %q", key, r.Key)
			}
			again, err := ParseJSON(i.kind, i.id, r.Value)
			if err != nil || !reflect.DeepEqual(again, entry) {
				t.Fatalf("%s reads as %+v, %v, want %+v", r.Value, again, err, entry)
			}
		}
	})
}
