package proxy

// Topic is a topic as administrators see it.
type Topic struct {
	Name       string
	Internal   bool              // whether Kafka lists it as internal
	Partitions []TopicPartition  // by their numbers
	Settings   map[string]string // names and values as in Kafka
}

// Unknown stands for a leader or an offset that Kafka cannot return now.
const Unknown = -1

// TopicPartition is a partition of a topic. A value that is not known is Unknown.
type TopicPartition struct {
	Partition  int32
	Leader     int32 // id of the broker
	Start, End int64 // offset of the first record, and of the next one to be written
}

// PartitionID names a partition.
type PartitionID struct {
	Topic     string
	Partition int32
}

// Offsets are offsets by partition.
type Offsets map[PartitionID]int64

// Of returns the offset of a partition, or Unknown.
func (o Offsets) Of(p PartitionID) int64 {
	if offset, ok := o[p]; ok {
		return offset
	}
	return Unknown
}
