package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestQueueVerbs(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 4, 1, 0)...)
		w := k.run(t).worker(t, topic, group, "confirm=true")
		held := w.records(4)
		w.send(acknowledgement("accept", held["0"]), `{"reject":`+quoted(held["1"])+`}`)
		w.wantFrame(settledIDs(held["0"]))
		w.wantFrame(settledIDs(held["1"]))
		w.send(acknowledgement("renew", held["2"], held["3"]))
		f := w.frame()
		if f.Renewed == nil || !slices.Equal(f.Renewed.IDs, []string{held["2"], held["3"]}) || f.Renewed.Until < time.Now().UnixMilli() {
			t.Fatalf("got %s", f.text)
		}
		w.send(acknowledgement("accept", held["2"]))
		w.wantFrame(settledIDs(held["2"]))
		w.send(acknowledgement("release", held["3"]))
		if f = w.frame(); f.Delivery != nil { // the record may overtake the answer to its release
			f = w.frame()
		} else if again := w.record(); again.ID != held["3"] || again.Delivery.Count != 2 {
			t.Fatalf("got %s, want %s again", again.text, held["3"])
		}
		if f.text != "" && f.Settled == nil {
			t.Fatalf("got %s, want the answer to the release", f.text)
		}
		w.send(acknowledgement("accept", held["3"]))
		w.wantFrame(settledIDs(held["3"]))
		k.awaitSettled(t, group, topic)
	})
}

func TestQueueBadAcknowledgements(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		k.produce(t, topic, numbered(0, 3, 1, 0)...)
		p := k.run(t)
		w := p.worker(t, topic, group, "confirm=true", "window=2")
		held := w.records(2)
		other := p.worker(t, topic, group, "window=1").record()
		a, b := held["0"], held["1"]
		for name, message := range map[string]string{
			"two verbs": `{"accept":[` + quoted(a) + `],"release":[]}`, "a number": `{"accept":[` + quoted(a) + `,1]}`, "null": `{"accept":null}`,
			"no verb": `{"done":[` + quoted(a) + `]}`, "an array": `[` + quoted(a) + `]`, "credit": `{"credit":1}`, "a commit": `{"wsProxyMessageId":` + quoted(a) + `}`,
			"too many": acknowledgement("accept", slices.Repeat([]string{a}, 1001)...),
		} {
			w.send(message)
			if f := w.frame(); f.Error == nil || f.Error.Code != "INVALID_MESSAGE" {
				t.Fatalf("%s: got %s", name, f.text)
			}
		}
		w.send(`{"accept":[`)
		w.fails("INVALID_JSON", "")
		w.send(acknowledgement("accept"))
		w.wantFrame(settledIDs())
		unknown := []string{
			other.ID, "other-0-0-1", "nonsense", "", topic + "-0-99-1", topic + "-99-0-1",
			strings.TrimSuffix(a, a[len(a)-1:]) + "x", a[:len(a)-1], // another timestamp
		}
		w.send(acknowledgement("accept", append(slices.Clone(unknown), a, a)...))
		told := make(map[string]int)
		for range len(unknown) + 1 {
			f := w.frame()
			if f.Error == nil || f.Error.Code != "UNKNOWN_MESSAGE_ID" {
				t.Fatalf("got %s", f.text)
			}
			told[f.ID]++
		}
		for _, id := range append(unknown, a) {
			if told[id] != 1 {
				t.Errorf("%q was told %d times", id, told[id])
			}
		}
		w.wantFrame(settledIDs(a))
		w.send(acknowledgement("renew", a))
		w.fails("UNKNOWN_MESSAGE_ID", a)
		w.wantFrame(`{"renewed":{"ids":[]}}`)
		w.send(acknowledgement("accept", slices.Repeat([]string{b}, 1000)...))
		for range 999 {
			w.fails("UNKNOWN_MESSAGE_ID", b)
		}
		w.wantFrame(settledIDs(b))
	})
}
