package admin

import (
	"context"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// catalogue is a Kafka with topics.
type catalogue []proxy.Topic

func (c catalogue) ListTopics(context.Context) ([]proxy.Topic, error) { return c, nil }

func (c catalogue) Topic(context.Context, string) (proxy.Topic, []int32, error) {
	return c[0], []int32{1}, nil
}

func TestTopicsAreListed(t *testing.T) {
	two := make([]proxy.TopicPartition, 2)
	topics := &Topics{Kafka: catalogue{
		{Name: "__transaction_state", Internal: true, Partitions: two}, {Name: "__x"}, {Name: "_state"}, {Name: "_t", Partitions: two}, {Name: "kafka", Internal: true},
	}, States: []string{"_limits", "_state"}}
	all, err := topics.All(t.Context(), "", 0)
	checkAnswer(t, "all", all, err, `[{"name":"__transaction_state","partitions":2,"internal":true},{"name":"__x","partitions":0,"internal":true},`+
		`{"name":"_state","partitions":0,"internal":true},{"name":"_t","partitions":2,"internal":false},{"name":"kafka","partitions":0,"internal":true}]`)
	all, err = (&Topics{Kafka: catalogue{}}).All(t.Context(), "", 0)
	checkAnswer(t, "none", all, err, `[]`)
}

func TestTopicsAreDescribed(t *testing.T) {
	topics := &Topics{Kafka: catalogue{{
		Name: "t", Settings: map[string]string{"cleanup.policy": "compact"},
		Partitions: []proxy.TopicPartition{{Leader: 0, Start: 0, End: 9007199254740993}, {Partition: 1, Leader: proxy.Unknown, Start: proxy.Unknown, End: proxy.Unknown}},
	}}, States: []string{"t"}}
	topic, err := topics.Describe(about(t, "", "t", ""))
	checkAnswer(t, "a topic", topic, err, `{"name":"t","internal":true,"partitions":[{"partition":0,"leader":0,"startOffset":0,"endOffset":9007199254740993},`+
		`{"partition":1,"leader":null,"startOffset":null,"endOffset":null}],"settings":{"cleanup.policy":"compact"}}`)
}
