package neighbours

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxTries is how often a message is sent until its client complains. A batch in ten is
// refused, and those behind it may have to come again with it.
const maxTries = 40

// TestRefusedBatches has Kafka refuse batches whose records the settings allowed. Whoever was
// in one is told to send again, and that succeeds, in order.
func TestRefusedBatches(t *testing.T) {
	for _, reason := range []*kerr.Error{kerr.MessageTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.RecordListTooLarge} {
		t.Run(reason.Message, func(t *testing.T) {
			broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
			must(t, err)
			t.Cleanup(broker.Close)
			refused := refuseSome(broker, reason.Code)
			proxy := startProxy(t, broker.ListenAddrs()[0])
			var group sync.WaitGroup
			var again atomic.Int64
			for i := range healthy {
				c := connect(t, proxy, "t")
				group.Go(func() {
					n, err := c.sendAll(batch(fmt.Sprintf("healthy-%d", i), perHealthy))
					again.Add(int64(n))
					if err != nil {
						t.Errorf("connection %d: %v", i, err)
					}
				})
			}
			group.Wait()
			t.Logf("%d batches were refused, %d messages sent again", refused.Load(), again.Load())
			if refused.Load() == 0 || again.Load() == 0 {
				t.Error("nothing was refused")
			}
		})
	}
}

// refuseSome has the broker refuse one request to produce in ten.
func refuseSome(broker *kfake.Cluster, code int16) (refused *atomic.Int64) {
	refused = new(atomic.Int64)
	requests := 0
	broker.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		requests++
		produce, ok := request.(*kmsg.ProduceRequest)
		if requests%10 != 3 || !ok {
			return nil, nil, false
		}
		refused.Add(1)
		return refusal(produce, code), nil, true
	})
	return refused
}

// refusal answers all that a request brings with an error.
func refusal(request *kmsg.ProduceRequest, code int16) *kmsg.ProduceResponse {
	response, _ := request.ResponseKind().(*kmsg.ProduceResponse)
	for i := range request.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = request.Topics[i].Topic, request.Topics[i].TopicID
		for j := range request.Topics[i].Partitions {
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition, partition.ErrorCode = request.Topics[i].Partitions[j].Partition, code
			topic.Partitions = append(topic.Partitions, partition)
		}
		response.Topics = append(response.Topics, topic)
	}
	return response
}

var errOutcome = errors.New("a message has another outcome than it must have")

// sendAll sends messages, and again those that are to be, until all have succeeded. It tells
// how many were sent again. What succeeds in one round does so in order.
func (c *connection) sendAll(messages []*message) (again int, err error) {
	for range maxTries {
		if err := errors.Join(c.exchange(messages, window), ordered(messages)); err != nil {
			return again, err
		}
		var left []*message
		for _, m := range messages {
			if m.answer.Error != nil && !m.answer.retriable() {
				return again, fmt.Errorf("%w: %s is refused for good: %s", errOutcome, m.id, m.answer.code())
			}
			if m.answer.retriable() {
				left = append(left, m)
			}
		}
		if len(left) == 0 {
			return again, nil
		}
		again += len(left)
		messages = left
	}
	return again, fmt.Errorf("%w: %d messages were sent %d times in vain", errOutcome, len(messages), maxTries)
}
