package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// queueFrame is any frame of /socket/queue.
type queueFrame struct {
	delivery // a record, or an error

	Delivery *struct {
		Count int
		Until int64
	}
	Settled *[]string
	Renewed *struct {
		Until int64
		IDs   []string
	}
	Expired []string
	Auth    json.RawMessage

	text string
}

// worker is a client of /socket/queue. It reads all the time, as a tail does.
type worker struct{ *tail }

// queuePath is the path of a worker.
func queuePath(topic, group string, parameters ...string) string {
	return target("/socket/queue", topic, append([]string{"groupId=" + group}, parameters...))
}

// worker opens /socket/queue.
func (p *proxy) worker(t *testing.T, topic, group string, parameters ...string) *worker {
	t.Helper()
	return &worker{pumping(p.dial(t, queuePath(topic, group, parameters...)))}
}

// frame reads the next frame.
func (w *worker) frame() queueFrame {
	w.t.Helper()
	text := w.read()
	f := parse[queueFrame](w.t, text)
	f.text = text
	return f
}

// record reads a record.
func (w *worker) record() queueFrame {
	w.t.Helper()
	f := w.frame()
	if f.Delivery == nil || f.Value == nil {
		w.t.Fatalf("got %s, want a record", f.text)
	}
	return f
}

// records reads records, and returns their ids by their values.
func (w *worker) records(count int) map[string]string {
	w.t.Helper()
	all := make(map[string]string)
	for range count {
		f := w.record()
		all[text(w.t, f)] = f.ID
	}
	return all
}

// text is the value of a record.
func text(t *testing.T, f queueFrame) string {
	t.Helper()
	return strings.TrimSpace(parse[string](t, string(f.Value.Value)))
}

// wantFrame reads a frame that is a text.
func (w *worker) wantFrame(want string) {
	w.t.Helper()
	if got := w.read(); got != want {
		w.t.Fatalf("got %s, want %s", got, want)
	}
}

// fails reads an error about a record.
func (w *worker) fails(code, id string) {
	w.t.Helper()
	f := w.frame()
	if f.Error == nil || f.Error.Code != code || f.ID != id || f.Error.Message == "" {
		w.t.Fatalf("got %s, want %s of %s", f.text, code, id)
	}
}

// acknowledgement is a message that settles records.
func acknowledgement(verb string, ids ...string) string {
	if ids == nil {
		ids = []string{}
	}
	return fmt.Sprintf(`{%q:%s}`, verb, marshal(ids))
}

// settledIDs is the answer to it.
func settledIDs(ids ...string) string { return acknowledgement("settled", ids...) }

func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // it is a list of texts
	}
	return string(b)
}

// awaitSettled waits until Kafka has nothing left for a share group.
func (k *cluster) awaitSettled(t *testing.T, group, topic string) {
	t.Helper()
	eventually(t, "nothing is left for "+group, func() bool { return k.isSettled(t, group, topic) })
}

// isSettled tells whether Kafka is known to have nothing left for a share group.
func (k *cluster) isSettled(t *testing.T, group, topic string) bool {
	t.Helper()
	offsets, err := k.admin.DescribeShareGroupOffsets(t.Context(), group)
	if err != nil || offsets[group].Err != nil || len(offsets[group].Offsets[topic]) == 0 {
		return false
	}
	for _, p := range offsets[group].Offsets[topic] {
		if p.Lag != 0 {
			return false
		}
	}
	return true
}
