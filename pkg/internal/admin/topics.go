package admin

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Catalogue describes the topics in Kafka.
type Catalogue interface {
	// ListTopics lists all topics by name, without offsets and settings.
	ListTopics(ctx context.Context) ([]proxy.Topic, error)
	// Topic describes a topic. The error is of proxy.KindNotFound where there is none. The offsets of
	// partitions whose leaders are silent are unknown.
	Topic(ctx context.Context, name string) (topic proxy.Topic, silent []int32, err error)
}

// Topics are the endpoints for topics. The path's parameter is topic.
type Topics struct {
	Kafka  Catalogue
	States []string // topics in which the proxy keeps the state that its replicas share
}

// listedTopic is a topic in the list of all.
type listedTopic struct {
	Name       string `json:"name"`
	Partitions int    `json:"partitions"`
	Internal   bool   `json:"internal"`
}

// All lists the topics after a name, at most limit of them; 0 is no limit.
func (t *Topics) All(ctx context.Context, after string, limit int) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	topics, err := t.Kafka.ListTopics(ctx)
	if err != nil {
		return nil, err
	}
	all := []listedTopic{}
	for _, topic := range topics {
		if topic.Name > after {
			all = append(all, listedTopic{topic.Name, len(topic.Partitions), t.internal(topic)})
		}
	}
	all, next := page(all, limit, func(t listedTopic) string { return t.Name })
	return Answer{Body: all, Next: next}, nil
}

// internal tells whether a topic is Kafka's own, or the proxy's.
func (t *Topics) internal(topic proxy.Topic) bool {
	return topic.Internal || strings.HasPrefix(topic.Name, internalPrefix) || slices.Contains(t.States, topic.Name)
}

// describedTopic is a topic with all details.
type describedTopic struct {
	Name       string            `json:"name"`
	Internal   bool              `json:"internal"`
	Partitions []partition       `json:"partitions"`
	Settings   map[string]string `json:"settings"`
}

// partition is a partition of a topic. Values that Kafka cannot tell now are null.
type partition struct {
	Partition   int32  `json:"partition"`
	Leader      *int64 `json:"leader"`
	StartOffset *int64 `json:"startOffset"`
	EndOffset   *int64 `json:"endOffset"`
}

// Describe describes a topic.
func (t *Topics) Describe(r *http.Request) (any, error) {
	ctx, cancel := context.WithTimeout(r.Context(), lookupTimeout)
	defer cancel()
	topic, silent, err := t.Kafka.Topic(ctx, r.PathValue("topic"))
	if err != nil {
		return nil, err
	}
	described := describedTopic{topic.Name, t.internal(topic), []partition{}, topic.Settings}
	for _, p := range topic.Partitions {
		described.Partitions = append(described.Partitions, partition{p.Partition, known(int64(p.Leader)), known(p.Start), known(p.End)})
	}
	return Answer{Body: described, Silent: silent}, nil
}

// known returns nil for a number that is unknown.
func known(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}
