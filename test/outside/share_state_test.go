package outside

import (
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestLongKafkaForgetsWhatWasSettled shows what Kafka does by itself, with a native consumer and no proxy: the coordinator of a group asks for the
// state of its partitions to be initialized, and asks again after group.share.initialize.retry.interval.ms if it has not noted the answer, as when
// the broker dies in between. The state is made anew by that, whatever was settled meanwhile, and all records come again.
func TestLongKafkaForgetsWhatWasSettled(t *testing.T) {
	t.Parallel()
	const records = 10
	broker := kafka.RequireOwn(t, kafka.Options{})
	k := connect(t, broker.Addr())
	topic := k.topic(1)
	k.setGroup(topic, "share.auto.offset.reset", "earliest")
	for i := range records {
		k.write(&kgo.Record{Topic: topic, Value: []byte(strconv.Itoa(i))})
	}
	k.acceptNatively(topic, records)
	await(t, "all to be settled", func() bool { return k.isSettled(topic, topic) })
	must(t, broker.Restart(within(t, patience)))
	await(t, "Kafka, started again, to know what was settled", func() bool { return k.isSettled(topic, topic) })

	k.initializeAgain(topic)
	must(t, broker.Restart(within(t, patience)))
	k.acceptNatively(topic, records)
}

// acceptNatively accepts records of a group with a native consumer, until as many have come.
func (c *cluster) acceptNatively(topic string, records int) {
	c.t.Helper()
	client, err := kgo.NewClient(seeds(c.addr), kgo.ShareGroup(topic), kgo.ConsumeTopics(topic))
	must(c.t, err)
	defer client.Close()
	ctx := within(c.t, patience)
	for had := 0; had < records; {
		fetches := client.PollFetches(ctx)
		must(c.t, ctx.Err())
		some := fetches.Records()
		client.MarkAcks(kgo.AckAccept, some...)
		had += len(some)
	}
	must(c.t, client.FlushAcks(ctx))
}

// initializeAgain asks for what the coordinator of the group asks for, in the epoch that the group has after one change more.
func (c *cluster) initializeAgain(topic string) {
	c.t.Helper()
	topics, err := c.admin.ListTopics(within(c.t, patience), topic)
	must(c.t, err)
	request := kmsg.NewPtrInitializeShareGroupStateRequest()
	request.GroupID = topic
	one, partition := kmsg.NewInitializeShareGroupStateRequestTopic(), kmsg.NewInitializeShareGroupStateRequestTopicPartition()
	one.TopicID, partition.StateEpoch, partition.StartOffset = topics[topic].ID, c.groupEpoch(topic)+1, -1
	one.Partitions = append(one.Partitions, partition)
	request.Topics = append(request.Topics, one)
	answer, err := c.client.Broker(1).Request(within(c.t, patience), request)
	must(c.t, err)
	initialized, _ := answer.(*kmsg.InitializeShareGroupStateResponse)
	must(c.t, kerr.ErrorForCode(initialized.Topics[0].Partitions[0].ErrorCode))
}

// groupEpoch returns the epoch of a share group, which every change of its members or topics raises.
func (c *cluster) groupEpoch(group string) int32 {
	c.t.Helper()
	described, err := c.admin.DescribeShareGroups(within(c.t, patience), group)
	must(c.t, err)
	must(c.t, described[group].Err)
	return described[group].GroupEpoch
}
