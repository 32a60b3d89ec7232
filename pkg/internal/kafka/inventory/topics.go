package inventory

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

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
	found, err := a.topicMetadata(ctx, nil)
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
// may not see are left out. The offsets of partitions are unknown whose leaders are silent.
func (a *Inventory) Topic(ctx context.Context, name string) (topic proxy.Topic, silent []int32, err error) {
	found, err := a.topicMetadata(ctx, []string{name})
	if err != nil {
		return proxy.Topic{}, nil, err
	}
	if len(found) != 1 {
		return proxy.Topic{}, nil, inventoryError(errors.New("the answer is about other topics"), name)
	}
	if err := kerr.ErrorForCode(found[0].ErrorCode); err != nil {
		return proxy.Topic{}, nil, inventoryError(err, name)
	}
	topic = topicOf(&found[0])
	var both sync.WaitGroup
	both.Go(func() { silent = a.addOffsets(ctx, &topic) })
	settings, err := a.settings(ctx, name)
	both.Wait()
	topic.Settings = settings
	return topic, silent, err
}

// topicMetadata looks up topics by their names; nil means all.
func (a *Inventory) topicMetadata(ctx context.Context, names []string) ([]kmsg.MetadataResponseTopic, error) {
	metadata, err := cluster.AskAny[*kmsg.MetadataResponse](ctx, a.client, func() kmsg.Request {
		request := kmsg.NewPtrMetadataRequest()
		for _, name := range names {
			topic := kmsg.NewMetadataRequestTopic()
			topic.Topic = &name
			request.Topics = append(request.Topics, topic)
		}
		return request
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

// addOffsets looks up the start and end offsets of the partitions. Those of partitions without a leader, or
// with a silent one, stay unknown.
func (a *Inventory) addOffsets(ctx context.Context, topic *proxy.Topic) (silent []int32) {
	by := make(led)
	for _, p := range topic.Partitions {
		if p.Leader >= 0 {
			by[p.Leader] = append(by[p.Leader], proxy.PartitionID{Topic: topic.Name, Partition: p.Partition})
		}
	}
	var starts, ends proxy.Offsets
	var also []int32
	var both sync.WaitGroup
	both.Go(func() { starts, silent = a.offsetsAt(ctx, by, atStart) })
	both.Go(func() { ends, also = a.offsetsAt(ctx, by, atEnd) })
	both.Wait()
	for i := range topic.Partitions {
		p := &topic.Partitions[i]
		id := proxy.PartitionID{Topic: topic.Name, Partition: p.Partition}
		p.Start, p.End = starts.Of(id), ends.Of(id)
	}
	return inOrder(append(silent, also...))
}

// settings looks up the settings of a topic that matter. It returns none that the proxy may not see.
func (a *Inventory) settings(ctx context.Context, topic string) (map[string]string, error) {
	settings := make(map[string]string)
	answer, err := cluster.AskAny[*kmsg.DescribeConfigsResponse](ctx, a.client, func() kmsg.Request {
		resource := kmsg.NewDescribeConfigsRequestResource()
		resource.ResourceType, resource.ResourceName, resource.ConfigNames = kmsg.ConfigResourceTypeTopic, topic, settingsThatMatter()
		request := kmsg.NewPtrDescribeConfigsRequest()
		request.Resources = append(request.Resources, resource)
		return request
	})
	if err == nil && len(answer.Resources) != 1 {
		err = kerr.UnknownServerError
	}
	if err == nil {
		err = kerr.ErrorForCode(answer.Resources[0].ErrorCode)
	}
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		return settings, nil
	}
	if err != nil {
		return nil, inventoryError(err, topic)
	}
	for _, setting := range answer.Resources[0].Configs {
		if setting.Value != nil {
			settings[setting.Name] = *setting.Value
		}
	}
	return settings, nil
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
