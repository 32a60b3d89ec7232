package proxy

// ClientID names a client application; it becomes Kafka's own client.id.
type ClientID string

// GroupID names a Kafka consumer group.
type GroupID string

// InstanceID distinguishes the connections of one ClientID.
type InstanceID string

// MaxIdentifier is the most characters of a ClientID, GroupID or InstanceID. They have at
// least one.
const MaxIdentifier = 249

// AnyPartition as a Record's partition leaves the choice to the partitioner.
const AnyPartition int32 = -1

// Header is one header of a record. A nil Value is Kafka's null, an empty one is empty.
type Header struct {
	Key   string
	Value []byte
}

// Record is a Kafka record, on its way in or out. A nil Key is a null key and a nil Value
// a tombstone; empty ones are empty.
type Record struct {
	Partition    int32 // AnyPartition when producing without a pin
	Offset       int64 // of a consumed record
	Timestamp    int64 // milliseconds since the epoch
	Epoch        int32 // of the leader that wrote a consumed record, -1 where that is not known
	HasTimestamp bool  // whether a record to produce pins its Timestamp
	Key, Value   []byte
	Headers      []Header
}

// Ack tells where Kafka has stored a record.
type Ack struct {
	Partition int32
	Offset    int64
	Timestamp int64 // milliseconds since the epoch, as sent to Kafka
}

// Outcome is the result of a record to produce: its Ack, or the reason why it has none.
type Outcome struct {
	Ack Ack
	Err *Error
}
