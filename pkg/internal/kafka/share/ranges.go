package share

import "github.com/twmb/franz-go/pkg/kmsg"

// ackRange is a run of offsets that follow each other, with one acknowledgement for all or one for each.
type ackRange struct {
	first, last int64
	types       []int8
}

// ranges joins acknowledgements, which are in the order of their offsets.
func ranges(holds []*hold) []ackRange {
	var all []ackRange
	for _, h := range holds {
		kind := h.ask.ack.wire()
		if n := len(all); n > 0 && all[n-1].last+1 == h.offset {
			all[n-1].add(kind)
			continue
		}
		all = append(all, ackRange{first: h.offset, last: h.offset, types: []int8{kind}})
	}
	return all
}

// add appends an offset.
func (r *ackRange) add(kind int8) {
	length := int(r.last-r.first) + 1
	r.last++
	if len(r.types) == 1 {
		if kind == r.types[0] {
			return
		}
		for len(r.types) < length {
			r.types = append(r.types, r.types[0])
		}
	}
	r.types = append(r.types, kind)
}

// acknowledgements returns a batch as a request has it.
func (b *batch) acknowledgements() []kmsg.ShareAcknowledgeRequestTopic {
	var topics []kmsg.ShareAcknowledgeRequestTopic
	at := make(map[[16]byte]int)
	for id, holds := range b.partitions {
		i, known := at[id.topic]
		if !known {
			i = len(topics)
			at[id.topic] = i
			topic := kmsg.NewShareAcknowledgeRequestTopic()
			topic.TopicID = id.topic
			topics = append(topics, topic)
		}
		p := kmsg.NewShareAcknowledgeRequestTopicPartition()
		p.Partition = id.partition
		for _, r := range ranges(holds) {
			one := kmsg.NewShareAcknowledgeRequestTopicPartitionAcknowledgementBatch()
			one.FirstOffset, one.LastOffset, one.AcknowledgeTypes = r.first, r.last, r.types
			p.AcknowledgementBatches = append(p.AcknowledgementBatches, one)
		}
		topics[i].Partitions = append(topics[i].Partitions, p)
	}
	return topics
}
