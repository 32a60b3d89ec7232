package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

const (
	kafkaTimeout  = time.Minute
	kafkaInterval = 20 * time.Millisecond
)

func (b *bench) createTopic(ctx context.Context, topic string) error {
	return b.createTopicOf(ctx, topic, partitions, nil)
}

func (b *bench) createTopicOf(ctx context.Context, topic string, partitions int, configs map[string]*string) error {
	if _, err := b.admin.CreateTopic(ctx, int32(partitions), 1, configs, topic); err != nil {
		return fmt.Errorf("creating topic %s: %w", topic, err)
	}
	// Kafka answers a creation before its brokers know of the topic.
	return await(ctx, "topic "+topic, func(ctx context.Context) (bool, error) {
		listed, err := b.admin.ListTopics(ctx, topic)
		return isServed(listed[topic], partitions), err
	})
}

// isServed tells whether all partitions have leaders.
func isServed(topic kadm.TopicDetail, partitions int) bool {
	for _, p := range topic.Partitions {
		if p.Err != nil || p.Leader < 0 {
			return false
		}
	}
	return topic.Err == nil && len(topic.Partitions) == partitions
}

// deleteTopic is for topics of one round, so that disks and memory do not fill up.
func (b *bench) deleteTopic(ctx context.Context, topic string) error {
	if _, err := b.admin.DeleteTopic(ctx, topic); err != nil {
		return fmt.Errorf("deleting topic %s: %w", topic, err)
	}
	return nil
}

// awaitGroups waits until each group has so many members, who have a share of the partitions each.
func (b *bench) awaitGroups(ctx context.Context, members int, groups ...string) error {
	return await(ctx, fmt.Sprintf("%d members of group %s", members, groups[0]), func(ctx context.Context) (bool, error) {
		described, err := b.admin.DescribeGroups(ctx, groups...)
		for _, name := range groups {
			if !isFormed(described[name], members) {
				return false, err
			}
		}
		return true, err
	})
}

func isFormed(g kadm.DescribedGroup, members int) bool {
	assigned := 0
	for _, m := range g.Members {
		share, isConsumer := m.Assigned.AsConsumer()
		if !isConsumer || len(share.Topics) == 0 {
			return false
		}
		for _, t := range share.Topics {
			assigned += len(t.Partitions)
		}
	}
	return g.State == "Stable" && len(g.Members) == members && assigned == partitions
}

// await asks Kafka for something until it is so.
func await(ctx context.Context, what string, isSo func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, kafkaTimeout)
	defer cancel()
	for {
		if done, err := isSo(ctx); err != nil || done {
			return wrap(err, "waiting for "+what)
		}
		select {
		case <-time.After(kafkaInterval):
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
}

func wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
