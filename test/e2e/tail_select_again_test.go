package e2e

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestTailSelectsWhileItsTopicIsMadeAgain asks for another key while the proxy looks up where the topic begins that was
// made again: what the answer tells is in force there.
func TestTailSelectsWhileItsTopicIsMadeAgain(t *testing.T) {
	onFake(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		c := k.run(t).tail(t, topic, "key=before")
		k.mark(t, topic, "before")
		c.records(1)
		k.delete(t, topic)
		held, goOn := k.holdLookups(topic)
		defer goOn()
		if _, err := k.admin.CreateTopic(t.Context(), 1, 1, nil, topic); err != nil {
			t.Fatal(err)
		}
		k.client.PurgeTopicsFromProducing(topic)
		select {
		case <-held:
		case <-time.After(time.Minute):
			t.Fatal("the proxy does not look up where the topic begins")
		}
		c.subscribed(asking("subscribe", topic, keysOf("after")))
		goOn()
		c.expect("gap")
		for _, key := range []string{"before", "after"} {
			k.mark(t, topic, key)
		}
		if f := c.expect("record"); f.Offset != 1 {
			t.Errorf("got %s", f.text)
		}
	})
}

// holdLookups has requests for the offsets of a topic wait. held is closed when one does.
func (k *cluster) holdLookups(topic string) (held chan struct{}, goOn func()) {
	fake, free := shared.fake, make(chan struct{})
	held = make(chan struct{})
	isHeld := sync.OnceFunc(func() { close(held) })
	fake.ControlKey(int16(kmsg.ListOffsets), func(request kmsg.Request) (kmsg.Response, error, bool) {
		list, _ := request.(*kmsg.ListOffsetsRequest)
		select {
		case <-free: // this control is dropped
			return nil, nil, false
		default:
		}
		fake.KeepControl()
		if list != nil && len(list.Topics) == 1 && list.Topics[0].Topic == topic {
			isHeld()
			fake.SleepControl(func() { <-free })
		}
		return nil, nil, false
	})
	return held, sync.OnceFunc(func() { close(free) })
}
