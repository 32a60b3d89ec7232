package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// untold is the value that brokers return if they do not return authorised operations.
const untold = math.MinInt32

// sight is what Kafka shows to one client of a topic.
type sight struct {
	err        error // why it shows nothing
	id         kadm.TopicID
	partitions int32
	operations int32 // authorised operations, as bits (KIP-430)
}

// look asks Kafka what it shows to a client of topics. It sends a request each time: kadm answers from
// franz-go's cache.
func look(ctx context.Context, client *kgo.Client, names []string) (map[string]sight, error) {
	answer, err := AskAny[*kmsg.MetadataResponse](ctx, client, func() kmsg.Request { return lookRequest(names) })
	if err != nil {
		return nil, fmt.Errorf("asking for topics: %w", err)
	}
	sights := make(map[string]sight, len(names))
	for _, name := range names {
		sights[name] = sight{err: kerr.UnknownServerError}
	}
	for i := range answer.Topics {
		if t := &answer.Topics[i]; t.Topic != nil {
			sights[*t.Topic] = sight{kerr.ErrorForCode(t.ErrorCode), t.TopicID, int32(len(t.Partitions)), t.AuthorizedOperations}
		}
	}
	return sights, nil
}

func lookRequest(names []string) kmsg.Request {
	request := kmsg.NewPtrMetadataRequest()
	request.IncludeTopicAuthorizedOperations = true
	request.Topics = make([]kmsg.MetadataRequestTopic, 0, len(names)) // nil would mean all
	for _, name := range names {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = new(name)
		request.Topics = append(request.Topics, topic)
	}
	return request
}

// lookAtSettings looks up the settings of topics by which Kafka refuses records. It leaves out topics
// whose settings Kafka does not return.
func lookAtSettings(ctx context.Context, client *kgo.Client, names []string) (map[string]topicSettings, error) {
	answer, err := AskAny[*kmsg.DescribeConfigsResponse](ctx, client, func() kmsg.Request { return settingsRequest(names) })
	if err != nil {
		return nil, fmt.Errorf("asking for the settings of topics: %w", err)
	}
	settings := make(map[string]topicSettings, len(names))
	for i := range answer.Resources {
		if r := &answer.Resources[i]; r.ErrorCode == 0 {
			settings[r.ResourceName] = readSettings(r.Configs)
		}
	}
	return settings, nil
}

// IsCompacted asks Kafka whether the topic's cleanup.policy contains compact.
func (t *Topic) IsCompacted(ctx context.Context) (bool, error) {
	client, err := t.Lookups()
	if err != nil {
		return false, err
	}
	settings, err := lookAtSettings(ctx, client, []string{t.Name})
	known, told := settings[t.Name]
	if err == nil && !told {
		err = errors.New("the answer is about other topics, or refuses them")
	}
	if err != nil {
		return false, LookupError(err, t.Name)
	}
	return known.compacted, nil
}

func settingsRequest(names []string) kmsg.Request {
	request := kmsg.NewPtrDescribeConfigsRequest()
	for _, name := range names {
		resource := kmsg.NewDescribeConfigsRequestResource()
		resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, name
		resource.ConfigNames = []string{CleanupPolicy, TimestampType, MaxMessageBytes, TimestampBefore, TimestampAfter, CompressionType}
		request.Resources = append(request.Resources, resource)
	}
	return request
}
