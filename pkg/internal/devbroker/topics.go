package devbroker

import (
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
)

// createTopics creates the missing topics. kfake's own seeding would create nothing in a data directory
// that was used before.
func (b *Broker) createTopics(topics map[string]int32, log *slog.Logger) error {
	for _, topic := range slices.Sorted(maps.Keys(topics)) {
		if b.cluster.TopicInfo(topic) != nil {
			b.warnOfPartitions(topic, topics[topic], log)
			continue
		}
		if err := checkName(topic); err != nil {
			return err
		}
		if err := b.cluster.CreateTopic(topic, topics[topic], nil); err != nil {
			return fmt.Errorf("create topic %q with %d partitions: %w", topic, topics[topic], err)
		}
	}
	return nil
}

func (b *Broker) warnOfPartitions(topic string, asked int32, log *slog.Logger) {
	if have := len(b.cluster.PartitionInfos(topic)); asked > 0 && int(asked) != have {
		log.Warn("The topic exists with another number of partitions; it is left as it is.",
			"topic", topic, "partitions", have, "asked", asked)
	}
}

// checkName refuses names that Apache Kafka refuses (org.apache.kafka.common.internals.Topic) but kfake
// accepts, so that names that work here work there too.
func checkName(topic string) error {
	legal := regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)
	if !legal.MatchString(topic) || topic == "." || topic == ".." {
		return fmt.Errorf("topic name %q: use 1 to 249 of the characters a-z, A-Z, 0-9, ., _ and -", topic)
	}
	return nil
}
