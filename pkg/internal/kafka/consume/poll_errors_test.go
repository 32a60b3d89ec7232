package consume

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest/clustertest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestPollErrors expects the zero Kind for errors after which reading continues.
func TestPollErrors(t *testing.T) {
	topic := topicOf(t, clustertest.Connect(t, kafkatest.Broker(t, "t")), "t")
	group := func(err error) error { return &kgo.ErrGroupSession{Err: err} }
	const held = 0
	for name, test := range map[string]struct {
		err       error
		partition int32
		reset     OffsetReset
		fatal     bool
		want      proxy.Kind
	}{
		"data loss":                 {&kgo.ErrDataLoss{Topic: "t"}, held, ResetNone, false, 0},
		"closed":                    {kgo.ErrClientClosed, held, ResetEarliest, true, proxy.KindShuttingDown},
		"topic not authorised":      {kerr.TopicAuthorizationFailed, held, ResetEarliest, true, proxy.KindNotAuthorized},
		"group not authorised":      {group(kerr.GroupAuthorizationFailed), held, ResetEarliest, true, proxy.KindNotAuthorized},
		"a group of another kind":   {group(kerr.GroupIDNotFound), held, ResetEarliest, true, proxy.KindInvalidParameter},
		"another protocol":          {group(kerr.InconsistentGroupProtocol), held, ResetEarliest, true, proxy.KindInvalidParameter},
		"invalid group":             {group(kerr.InvalidGroupID), held, ResetEarliest, true, proxy.KindInvalidParameter},
		"fenced":                    {group(kerr.FencedInstanceID), held, ResetEarliest, true, proxy.KindDuplicateClient},
		"out of range, none":        {kerr.OffsetOutOfRange, held, ResetNone, true, proxy.KindOffsetOutOfRange},
		"out of range, none, inner": {fmt.Errorf("wrapped: %w", kerr.OffsetOutOfRange), held, ResetNone, true, proxy.KindOffsetOutOfRange},
		"out of range, earliest":    {kerr.OffsetOutOfRange, held, ResetEarliest, false, 0},

		"the topic is missing":       {kerr.UnknownTopicOrPartition, held, ResetEarliest, false, 0},
		"the id is missing":          {kerr.UnknownTopicID, held, ResetEarliest, false, 0},
		"the ids differ":             {kerr.InconsistentTopicID, held, ResetEarliest, false, 0},
		"the id is missing, dropped": {kerr.UnknownTopicID, 1, ResetEarliest, false, 0},

		"rebalance":             {group(kerr.RebalanceInProgress), held, ResetEarliest, false, 0},
		"given up":              {group(kerr.UnknownMemberID), held, ResetEarliest, false, 0},
		"no coordinator":        {group(kerr.CoordinatorNotAvailable), held, ResetEarliest, false, 0},
		"broker away":           {group(&net.OpError{Op: "dial", Err: errors.New("refused")}), held, ResetEarliest, false, 0},
		"TLS fails":             {group(errors.New("tls: a certificate")), held, ResetEarliest, false, 0},
		"broker silent":         {group(context.DeadlineExceeded), held, ResetEarliest, false, 0},
		"log not known":         {group(fmt.Errorf("wrapped: %w", errNoAnswer)), held, ResetEarliest, false, 0},
		"retriable":             {kerr.KafkaStorageError, held, ResetEarliest, false, 0},
		"retriable, dropped":    {kerr.KafkaStorageError, 1, ResetEarliest, true, proxy.KindKafkaUnavailable},
		"group full":            {group(kerr.GroupMaxSizeReached), held, ResetEarliest, true, proxy.KindKafkaUnavailable},
		"session timeout":       {group(kerr.InvalidSessionTimeout), held, ResetEarliest, true, proxy.KindKafkaUnavailable},
		"unknown to the broker": {kerr.UnknownServerError, held, ResetEarliest, true, proxy.KindKafkaUnavailable},
		"bomb":                  {&kgo.ErrDecompressTooLarge{Topic: "t"}, held, ResetEarliest, true, proxy.KindKafkaUnavailable},
		"nobody's":              {errors.New("secret"), held, ResetNone, true, proxy.KindKafkaUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			c := &Consumer{options: Options{Topic: topic, GroupID: "g", Reset: test.reset}, log: kafkatest.QuietLog()}
			c.members.assigned("m", slices.Values([]int32{held}))
			err := c.inspect(kafkatest.Deadline(t), failedFetch(test.partition, test.err))
			if (err != nil) != test.fatal {
				t.Fatalf("got %v", err)
			}
			if err != nil && kafkatest.KindOf(err) != test.want {
				t.Errorf("got %v", err)
			}
			var loss *kgo.ErrDataLoss
			if err == nil && !errors.As(test.err, &loss) && !c.trouble.due {
				t.Error("it is tried again without a pause")
			}
		})
	}
}

// failedFetch returns a failed fetch of a partition of the topic "t", or the end of a group session.
func failedFetch(partition int32, err error) kgo.Fetches {
	topic := "t"
	if _, ok := errors.AsType[*kgo.ErrGroupSession](err); ok {
		topic, partition = "", 0
	}
	return kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: topic, Partitions: []kgo.FetchPartition{{Partition: partition, Err: err}}}}}}
}

func TestFirstFatalErrorCounts(t *testing.T) {
	topic := topicOf(t, clustertest.Connect(t, kafkatest.Broker(t, "t")), "t")
	c := &Consumer{options: Options{Topic: topic}, log: kafkatest.QuietLog()}
	fetches := append(kgo.NewErrFetch(kerr.NotCoordinator), kgo.NewErrFetch(kerr.TopicAuthorizationFailed)...)
	fetches = append(fetches, kgo.NewErrFetch(kgo.ErrClientClosed)...)
	if err := c.inspect(kafkatest.Deadline(t), fetches); kafkatest.KindOf(err) != proxy.KindNotAuthorized {
		t.Errorf("got %v", err)
	}
}
