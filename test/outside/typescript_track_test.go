package outside

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/test/process"
)

// tracked is an item of testdata/track.mjs.
type tracked struct {
	Type, Key, Value, State, Error string

	Snapshot, Resumed, IsPlaced bool

	Keys json.RawMessage // of an item subscribed: a list; of a snapshot's end: how many
}

func (i tracked) String() string {
	switch {
	case i.Type == "record" && i.Snapshot:
		return "newest " + i.Key + " " + i.Value
	case i.Type == "record":
		return i.Key + " " + i.Value
	case i.Type == "begin" && i.Resumed:
		return "resumed"
	}
	return strings.TrimSpace(i.Type + " " + i.State + string(i.Keys) + i.Error)
}

// tracker is testdata/track.mjs, which runs.
type tracker struct {
	*process.Process

	t     testing.TB
	k     *cluster
	topic string
}

// items returns what has come, beside ticks.
func (r *tracker) items() (told []string, isPlaced bool) {
	r.t.Helper()
	printed := r.Stdout.From(0)
	for line := range strings.Lines(printed[:strings.LastIndex(printed, "\n")+1]) {
		var i tracked
		must(r.t, json.Unmarshal([]byte(line), &i))
		isPlaced = i.IsPlaced
		if i.Value != "tick" {
			told = append(told, i.String())
		}
	}
	return told, isPlaced
}

// tells waits until an item has come.
func (r *tracker) tells(item string) {
	r.t.Helper()
	await(r.t, item, func() bool {
		if r.Ended() {
			r.t.Fatal("the client has ended")
		}
		told, _ := r.items()
		return slices.Contains(told, item)
	})
}

func (r *tracker) write(key, value string) {
	r.t.Helper()
	r.k.write(&kgo.Record{Topic: r.topic, Key: []byte(key), Value: []byte(value)})
}

// taken is the answer to the first change of keys. What these keys have may come before it.
const taken = `subscribed ["a","b"]`

// TestTypeScriptTailChangesItsKeys has a tail in Node track and untrack keys on its connection, and goes on after a cut with the same.
func TestTypeScriptTailChangesItsKeys(t *testing.T) {
	t.Parallel()
	k := realKafka(t)
	r := &tracker{t: t, k: k, topic: k.compacted(1)}
	r.write("a", "first")
	r.write("b", "old")
	link := relayTo(t, k.serve().main)
	client := filepath.Join(installed(t, "typescript"), "dist", "wsproxy-client.min.js")
	p, err := process.Start("node", []string{"CLIENT=" + client}, "--experimental-websocket", "testdata/track.mjs", use{URL: "ws://" + link.addr(), Topic: r.topic}.String())
	must(t, err)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("the client, %v, printed:\n%s\n%s", p.State(), p.Stdout.Tail(), p.Stderr.Tail())
		}
	})
	r.Process = p
	r.tells("snapshot end1")
	r.write("b", "not wanted yet")
	r.write("a", "track b")
	r.tells("newest b not wanted yet")
	r.tells(taken)
	r.write("b", "new")
	r.tells("b new")
	await(t, "a cursor", func() bool {
		r.write("a", "tick")
		_, isPlaced := r.items()
		return isPlaced
	})
	link.cut()
	r.tells("resumed")
	r.write("b", "newer")
	r.write("a", "untrack b")
	r.tells(`subscribed ["a"]`)
	r.write("b", "not wanted anymore")
	r.write("a", "last")
	r.tells("a last")
	told, _ := r.items()
	if i := slices.Index(told, taken); i > slices.Index(told, "a track b") && i < slices.Index(told, "b new") {
		told = slices.Delete(told, i, i+1)
	}
	if want := []string{
		"begin", "snapshot begin", "newest a first", "snapshot end1", "a track b", "snapshot begin", "newest b not wanted yet", "snapshot end1", "b new", "resumed", "b newer", "a untrack b", `subscribed ["a"]`, "a last",
	}; !slices.Equal(told, want) {
		t.Errorf("it was told\n%q, want\n%q", told, want)
	}
}
