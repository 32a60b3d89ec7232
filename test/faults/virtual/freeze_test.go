//go:build synctests

package virtual

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// holdWrites lets brokers refuse requests that would change the topic while it is frozen, with errors
// after which all clients retry.
func (w *world) holdWrites() {
	w.kafka.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		request, ok := r.(*kmsg.ProduceRequest)
		if !ok || !w.topic.frozen.Load() {
			return nil, nil, false
		}
		return refuseWrite(request), nil, true
	})
	w.kafka.ControlKey(int16(kmsg.EndTxn), func(r kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		request, ok := r.(*kmsg.EndTxnRequest)
		if !ok || !w.topic.frozen.Load() {
			return nil, nil, false
		}
		answer := kmsg.NewPtrEndTxnResponse()
		answer.Version, answer.ErrorCode = request.Version, kerr.ConcurrentTransactions.Code
		return answer, nil, true
	})
}

func refuseWrite(request *kmsg.ProduceRequest) kmsg.Response {
	answer := kmsg.NewPtrProduceResponse()
	answer.Version = request.Version
	for i := range request.Topics {
		asked := &request.Topics[i]
		t := kmsg.NewProduceResponseTopic()
		t.Topic, t.TopicID = asked.Topic, asked.TopicID
		for j := range asked.Partitions {
			p := kmsg.NewProduceResponseTopicPartition()
			p.Partition, p.ErrorCode, p.BaseOffset = asked.Partitions[j].Partition, kerr.NotLeaderForPartition.Code, -1
			t.Partitions = append(t.Partitions, p)
		}
		answer.Topics = append(answer.Topics, t)
	}
	return answer
}
