package share

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
	"github.com/wsproxy/kafka-websocket-proxy/test/kafka"
)

// TestKafkaFailsAFetchBesideWhichAcknowledgementsAreTold shows why acknowledgements wait for the fetch under way: over another connection
// Kafka takes them at once, and fails the fetch.
func TestKafkaFailsAFetchBesideWhichAcknowledgementsAreTold(t *testing.T) {
	r := newRig(t, kafka.Require(t).Addr())
	r.create(r.topic, 1)
	r.write(0, "a")
	p := r.pod()
	p.groups.touchAfter = time.Hour
	h := p.open(1) // a full window: the session makes no request by itself
	h.wants("a")
	s, m := h.session(), h.member()
	fetch := kmsg.NewPtrShareFetchRequest()
	fetch.GroupID, fetch.MemberID, fetch.ShareSessionEpoch = new(string(r.group)), &m.id, 1
	fetch.MaxWaitMillis, fetch.MinBytes, fetch.MaxBytes, fetch.MaxRecords, fetch.BatchSize, fetch.ShareAcquireMode = 2000, 1, fetchBytes, 1, 1, byRecords
	failed := make(chan error, 1)
	go func() {
		answer, err := cluster.Ask[*kmsg.ShareFetchResponse](t.Context(), m.client.Broker(int(s.broker)), fetch)
		if err == nil {
			err = kerr.ErrorForCode(answer.ErrorCode)
		}
		failed <- err
	}()
	told := kmsg.NewPtrShareAcknowledgeRequest()
	told.GroupID, told.MemberID, told.ShareSessionEpoch = fetch.GroupID, fetch.MemberID, 2
	told.Topics = (&batch{partitions: map[partitionID][]*hold{{h.worker.topic.id, 0}: {{offset: h.got[0].Offset, ask: ask{ack: ack(proxy.Accept)}}}}}).acknowledgements()
	kafkatest.Await(r, "the acknowledgement beside the fetch", func() bool {
		answer, err := cluster.Ask[*kmsg.ShareAcknowledgeResponse](t.Context(), r.client.Broker(int(s.broker)), told)
		return err == nil && answer.ErrorCode == 0 // before the fetch has arrived, the epoch is wrong
	})
	if err := <-failed; !errors.Is(err, kerr.InvalidShareSessionEpoch) {
		t.Errorf("the fetch: got %v", err)
	}
}
