package inventory

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// settingsThatMatter returns the settings of a topic by which Kafka refuses or deletes records.
func settingsThatMatter() []string {
	return []string{
		cluster.CleanupPolicy, cluster.MaxMessageBytes, cluster.TimestampType, cluster.TimestampBefore, cluster.TimestampAfter,
		"min.insync.replicas", "retention.ms", "retention.bytes",
	}
}

// ListTopics lists all topics by name, without offsets and settings. Like Cluster.Brokers, it asks Kafka
// each time.
func (a *Inventory) ListTopics(ctx context.Context) ([]proxy.Topic, error) {
	found, err := a.topicMetadata(ctx, nil) // nil means all topics
	if err != nil {
		return nil, err
	}
	topics := make([]proxy.Topic, 0, len(found))
	for i := range found {
		if found[i].ErrorCode == 0 && found[i].Topic != nil {
			topics = append(topics, topicOf(&found[i]))
		}
	}
	slices.SortFunc(topics, func(a, b proxy.Topic) int { return cmp.Compare(a.Name, b.Name) })
	return topics, nil
}

// Topic looks up a topic. The error is of proxy.KindNotFound if there is none. Settings that the proxy
// may not see are left out.
func (a *Inventory) Topic(ctx context.Context, name string) (proxy.Topic, error) {
	wanted := kmsg.NewMetadataRequestTopic()
	wanted.Topic = &name
	found, err := a.topicMetadata(ctx, []kmsg.MetadataRequestTopic{wanted})
	if err != nil {
		return proxy.Topic{}, err
	}
	if len(found) != 1 {
		return proxy.Topic{}, inventoryError(errors.New("the answer is about other topics"), name)
	}
	if err := kerr.ErrorForCode(found[0].ErrorCode); err != nil {
		return proxy.Topic{}, inventoryError(err, name)
	}
	topic := topicOf(&found[0])
	if err := a.addOffsets(ctx, &topic); err != nil {
		return proxy.Topic{}, err
	}
	if err := a.addSettings(ctx, &topic); err != nil {
		return proxy.Topic{}, err
	}
	return topic, nil
}

func (a *Inventory) topicMetadata(ctx context.Context, topics []kmsg.MetadataRequestTopic) ([]kmsg.MetadataResponseTopic, error) {
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = topics
	metadata, err := call(ctx, func(ctx context.Context) (*kmsg.MetadataResponse, error) {
		return request.RequestWith(ctx, a.client)
	})
	if err != nil {
		return nil, proxy.Wrap(err, proxy.KindKafkaUnavailable, "No Kafka broker answers.")
	}
	return metadata.Topics, nil
}

// topicOf converts the metadata of a topic.
func topicOf(found *kmsg.MetadataResponseTopic) proxy.Topic {
	topic := proxy.Topic{Name: *found.Topic, Internal: found.IsInternal}
	for i := range found.Partitions {
		p := &found.Partitions[i]
		topic.Partitions = append(topic.Partitions, proxy.TopicPartition{
			Partition: p.Partition, Leader: p.Leader, Start: proxy.Unknown, End: proxy.Unknown,
		})
	}
	slices.SortFunc(topic.Partitions, func(a, b proxy.TopicPartition) int { return cmp.Compare(a.Partition, b.Partition) })
	return topic
}

// addOffsets looks up the start and end offsets of the partitions. Those of partitions without a leader
// stay unknown.
func (a *Inventory) addOffsets(ctx context.Context, topic *proxy.Topic) error {
	starts, err := call(ctx, func(ctx context.Context) (kadm.ListedOffsets, error) {
		return a.admin.ListStartOffsets(ctx, topic.Name)
	})
	if err != nil {
		return inventoryError(err, topic.Name)
	}
	ends, err := call(ctx, func(ctx context.Context) (kadm.ListedOffsets, error) { return a.admin.ListEndOffsets(ctx, topic.Name) })
	if err != nil {
		return inventoryError(err, topic.Name)
	}
	for i := range topic.Partitions {
		p := &topic.Partitions[i]
		p.Start, p.End = listedOffset(starts, topic.Name, p.Partition), listedOffset(ends, topic.Name, p.Partition)
	}
	return nil
}

func listedOffset(listed kadm.ListedOffsets, topic string, partition int32) int64 {
	if offset, ok := listed.Lookup(topic, partition); ok && offset.Err == nil {
		return offset.Offset
	}
	return proxy.Unknown
}

func (a *Inventory) addSettings(ctx context.Context, topic *proxy.Topic) error {
	topic.Settings = make(map[string]string)
	resource, err := call(ctx, func(ctx context.Context) (kadm.ResourceConfig, error) {
		described, err := a.admin.DescribeTopicConfigs(ctx, topic.Name)
		if err != nil {
			return kadm.ResourceConfig{}, err
		}
		return described.On(topic.Name, func(r *kadm.ResourceConfig) error { return r.Err })
	})
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		return nil
	}
	if err != nil {
		return inventoryError(err, topic.Name)
	}
	for _, setting := range resource.Configs {
		if setting.Value != nil && slices.Contains(settingsThatMatter(), setting.Key) {
			topic.Settings[setting.Key] = *setting.Value
		}
	}
	return nil
}

// inventoryError converts the reason why a lookup of a topic failed into an error for administrators: a
// missing topic that a path names is not found.
func inventoryError(err error, name string) error {
	e := cluster.LookupError(err, name)
	if proxy.AsError(e).Kind == proxy.KindTopicNotFound {
		return proxy.Errorf(proxy.KindNotFound, "There is no topic %q.", name)
	}
	return e
}
