package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
)

func closeStatus(err error) int { return int(websocket.CloseStatus(err)) }

func TestQueueBadParameters(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		p := k.run(t)
		for parameter, names := range map[string]string{
			"window=0": "window", "window=1001": "window", "window=-1": "window", "window=x": "window", "window=1.5": "window",
			"confirm=maybe": "confirm", "groupId=": "groupId", "clientId=": "clientId", "topic=": "topic", "offsetResetStrategy=none": "offsetResetStrategy",
			"socketPayload=avro": "socketPayload", "isolationLevel=dirty": "isolationLevel", "rate=0": "rate", "maxMessageBytes=100": "maxMessageBytes",
		} {
			got := p.upgrade(t, queuePath(topic, group, parameter))
			if got.status != http.StatusBadRequest || !strings.HasPrefix(got.failure(t).Message, names+": ") {
				t.Errorf("%s: got %d %s", parameter, got.status, got.body)
			}
		}
		for _, window := range []string{"window=1", "window=1000", "window="} {
			p.worker(t, topic, group, window)
		}
	})
}

func TestQueueSessions(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		p := k.run(t)
		first := p.worker(t, topic, group, "clientId=same")
		p.worker(t, topic, group, "clientId=another") // more than there are partitions
		if got := p.upgrade(t, queuePath(topic, group, "clientId=same")); got.status != http.StatusConflict {
			t.Errorf("got %d %s", got.status, got.body)
		}
		p.worker(t, topic, group, "clientId=same", "onConflict=takeover")
		first.wantEnd(4409)
	})
}

// TestAGroupIsOfOneKind opens a queue with a consumer group, and a consumer with a queue's group.
func TestAGroupIsOfOneKind(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, consumers, workers := k.topic(t, 3), k.group(), k.group()
		k.produce(t, topic, numbered(0, 1, 1, 0)...)
		p := k.run(t)
		p.out(t, topic, "groupId="+consumers).delivery()
		got := p.upgrade(t, queuePath(topic, consumers))
		if f := got.failure(t); got.status != http.StatusBadRequest || f.Code != "INVALID_PARAMETER" || !strings.HasPrefix(f.Message, "groupId: ") {
			t.Errorf("a queue: got %d %s", got.status, got.body)
		}
		p.worker(t, topic, workers).record()
		for range 2 { // as many workers as partitions
			p.worker(t, topic, workers)
		}
		c := p.out(t, topic, "groupId="+workers)
		if f := c.refusal("INVALID_PARAMETER"); !strings.HasPrefix(f.Message, "groupId: ") {
			t.Errorf("a consumer: got %q", f.Message)
		}
		c.ended(4400)
	})
}

// withoutQueues runs a proxy whose broker is too old for queues, and has a topic.
func withoutQueues(t *testing.T) (p *proxy, topic string) {
	t.Helper()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.MaxVersions(kversion.V4_1_0()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	k := newCluster(t, fake.ListenAddrs()[0])
	t.Cleanup(k.client.Close)
	return k.start(t), k.topic(t, 1)
}

func TestQueuesOfBrokersWithoutThem(t *testing.T) {
	t.Parallel()
	p, topic := withoutQueues(t)
	got := p.upgrade(t, queuePath(topic, "g"))
	if f := got.failure(t); got.status != http.StatusNotImplemented || f.Code != "QUEUES_UNSUPPORTED" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	c := p.dial(t, queuePath(topic, "g", "handshakeErrors=close"))
	c.refusal("QUEUES_UNSUPPORTED")
	c.ended(4400)
}
