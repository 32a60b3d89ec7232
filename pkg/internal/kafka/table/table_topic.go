package table

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
)

const (
	// defaultSegmentAge is Options.SegmentAge if that is 0.
	defaultSegmentAge = 10 * time.Minute
	// tableSegmentBytes bounds the part of the log that cannot be compacted yet, and must be replayed,
	// if much is appended. Kafka's default of 1 GiB is far more than a table should contain.
	tableSegmentBytes = 64 << 20
	// tableMinInSync is how many replicas must have a record before it counts as appended, if the topic
	// has more replicas than that.
	tableMinInSync = 2

	compactionLag   = "min.compaction.lag.ms"
	deleteRetention = "delete.retention.ms"
	minInSync       = "min.insync.replicas"
	logAppendTime   = "LogAppendTime"
)

// tablePlace is the location of a table's partition.
type tablePlace struct {
	id            kadm.TopicID // zero if the brokers know no ids
	leader, epoch int32
	partitions    int
	replicas      []int32 // broker ids
	inSync        []int32 // those of them that have all records
	brokers       []int32 // all ids, sorted
}

// findTopic looks up the topic, and creates it if it is missing.
func (t *Table) findTopic(ctx context.Context) (place tablePlace, created bool, err error) {
	for {
		place, brokers, err := t.lookUp(ctx)
		if err == nil || !created && !errors.Is(err, kerr.UnknownTopicOrPartition) {
			return place, created, err
		}
		if !created {
			if err := t.createTopic(ctx, brokers); err != nil {
				return place, false, err
			}
			created = true
		}
		// Brokers learn of a new topic at different times.
		if cluster.Pause(ctx, firstTableBackoff); ctx.Err() != nil {
			return place, created, err
		}
	}
}

// lookUp looks up the location of the topic, and the number of brokers.
func (t *Table) lookUp(ctx context.Context) (place tablePlace, brokers int, err error) {
	metadata, err := cluster.AskAny[*kmsg.MetadataResponse](ctx, t.client, func() kmsg.Request {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = &t.options.Topic
		request := kmsg.NewPtrMetadataRequest()
		request.Topics = []kmsg.MetadataRequestTopic{topic}
		return request
	})
	if err != nil {
		return place, 0, fmt.Errorf("looking up the topic: %w", err)
	}
	brokers = len(metadata.Brokers)
	if len(metadata.Topics) != 1 {
		return place, brokers, errors.New("looking up the topic: the answer is about other topics")
	}
	found := &metadata.Topics[0]
	if err := kerr.ErrorForCode(found.ErrorCode); err != nil {
		return place, brokers, fmt.Errorf("looking up the topic: %w", err)
	}
	for i := range found.Partitions {
		if p := &found.Partitions[i]; p.Partition == 0 && p.Leader >= 0 {
			return tablePlace{
				id: found.TopicID, leader: p.Leader, epoch: p.LeaderEpoch, partitions: len(found.Partitions),
				replicas: p.Replicas, inSync: p.ISR, brokers: brokerIDs(metadata.Brokers),
			}, brokers, nil
		}
	}
	return place, brokers, fmt.Errorf("looking up the topic: %w", kerr.LeaderNotAvailable)
}

// createTopic creates the topic. Another replica may do so first.
func (t *Table) createTopic(ctx context.Context, brokers int) error {
	factor := max(t.options.ReplicationFactor, 1)
	err := t.createWith(ctx, factor)
	if errors.Is(err, kerr.InvalidReplicationFactor) && 0 < brokers && brokers < factor {
		t.log.Warn("there are fewer brokers than the topic should have replicas: it is created with as many as there are",
			"replicationFactor", factor, "brokers", brokers)
		factor = brokers
		err = t.createWith(ctx, factor)
	}
	switch {
	case err == nil:
		t.log.Info("the topic was created", "replicationFactor", factor)
		return nil
	case errors.Is(err, kerr.TopicAlreadyExists):
		return nil
	default:
		return fmt.Errorf("creating the topic: %w", err)
	}
}

func (t *Table) createWith(ctx context.Context, factor int) error {
	created, err := t.admin.CreateTopic(ctx, 1, int16(factor), t.topicConfigs(factor), t.options.Topic)
	if err != nil {
		return err
	}
	return created.Err
}

// topicConfigs returns the settings of a topic that the table creates.
func (t *Table) topicConfigs(factor int) map[string]*string {
	age := t.options.SegmentAge
	if age == 0 {
		age = defaultSegmentAge
	}
	configs := map[string]*string{
		cluster.CleanupPolicy: new("compact"),
		"segment.ms":          millis(age),
		"segment.bytes":       new(strconv.Itoa(tableSegmentBytes)),
		minInSync:             new(strconv.Itoa(inSyncOf(factor))),
	}
	if t.options.DeleteRetention > 0 {
		configs[deleteRetention] = millis(t.options.DeleteRetention)
	}
	if t.options.MinCompactionLag > 0 {
		configs[compactionLag] = millis(t.options.MinCompactionLag)
	}
	if t.options.LogAppendTime {
		configs[cluster.TimestampType] = new(logAppendTime)
	}
	return configs
}

func millis(d time.Duration) *string {
	return new(strconv.FormatInt(d.Milliseconds(), 10))
}

// unusableTopic is the error for a topic that must be changed before it can be a table.
type unusableTopic struct{ text string }

// Error implements error.
func (e *unusableTopic) Error() string { return e.text }

// checkTopic checks whether the topic can be used for a table.
func (t *Table) checkTopic(ctx context.Context, place tablePlace) error {
	if place.partitions != 1 {
		return &unusableTopic{fmt.Sprintf("Topic %s has %d partitions and must have one. It is created at the next start, once it was deleted; "+
			"if nothing else uses it, run: kafka-topics.sh --bootstrap-server %s --delete --topic %s",
			t.options.Topic, place.partitions, t.bootstrap(), t.options.Topic)}
	}
	configs, err := t.describe(ctx)
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.log.Warn("Kafka does not authorise describing the topic: its settings are assumed to be right", "err", err)
		t.checkReplicas(place, nil)
		return nil
	}
	if err != nil {
		return fmt.Errorf("describing the topic: %w", err)
	}
	if err := t.checkConfigs(configs); err != nil {
		return err
	}
	t.checkReplicas(place, configs)
	return nil
}

// describe looks up the topic's settings.
func (t *Table) describe(ctx context.Context) (map[string]string, error) {
	described, err := t.admin.DescribeTopicConfigs(ctx, t.options.Topic)
	if err != nil {
		return nil, err
	}
	resource, err := described.On(t.options.Topic, nil)
	if err == nil {
		err = resource.Err
	}
	configs := make(map[string]string)
	for _, c := range resource.Configs {
		configs[c.Key] = c.MaybeValue()
	}
	return configs, err
}

func (t *Table) checkConfigs(configs map[string]string) error {
	var is, add []string
	require := func(name, value string) {
		if configs[name] != value {
			is, add = append(is, name+"="+configs[name]), append(add, name+"="+value)
		}
	}
	require(cluster.CleanupPolicy, "compact") // with delete as an additional policy, valid records would be deleted too
	if t.options.LogAppendTime {
		require(cluster.TimestampType, logAppendTime)
	}
	if len(add) > 0 {
		return &unusableTopic{fmt.Sprintf("Topic %s has %s and must have %s. Run: %s",
			t.options.Topic, strings.Join(is, " and "), strings.Join(add, " and "), t.configure(add))}
	}
	if lag := t.options.MinCompactionLag; cluster.Number(configs[compactionLag], 0) < lag.Milliseconds() {
		want := compactionLag + "=" + *millis(lag)
		t.log.Warn("the topic's records may be compacted too early", "is", configs[compactionLag], "run", t.configure([]string{want}))
	}
	t.checkRetention(configs)
	return nil
}

// configure returns the command that changes the topic's settings.
func (t *Table) configure(add []string) string {
	return fmt.Sprintf("kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s",
		t.bootstrap(), t.options.Topic, strings.Join(add, ","))
}

func (t *Table) bootstrap() string { return strings.Join(t.cluster.Settings.BootstrapHosts, ",") }
