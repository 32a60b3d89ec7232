package e2e

import "testing"

// TestTailIsToldOfATopicThatWasMadeAgainWhileItWasGone resumes at a cursor that it was given after the topic was deleted.
func TestTailIsToldOfATopicThatWasMadeAgainWhileItWasGone(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		gone, other, p := k.topic(t, 1), k.topic(t, 1), k.run(t)
		c := p.tail(t, gone+","+other, "cursors=20")
		k.mark(t, gone, "a")
		c.records(1)
		k.delete(t, gone)
		c.refusal("TOPIC_NOT_FOUND")
		k.mark(t, other, "b")
		c.expect("record")
		cursor := c.cursor()
		k.named(t, gone, 1)
		k.client.PurgeTopicsFromProducing(gone)
		again := p.tail(t, gone+","+other, "from=cursor:"+cursor)
		if got := again.opened.Tail; got.Resumed == nil || *got.Resumed || got.Reason != "RECREATED" {
			t.Errorf("got %s", again.opened.text)
		}
		if f := again.expect("gap"); f.Gap.Topic != gone || f.Gap.Reason != "RECREATED" || f.Gap.To != 1 {
			t.Errorf("got %s", f.text)
		}
		k.mark(t, other, "c")
		if f := again.expect("record"); f.Topic != other || f.Offset != 1 {
			t.Errorf("got %s", f.text)
		}
	})
}
