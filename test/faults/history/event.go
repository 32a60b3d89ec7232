package history

import "time"

// Kind says what happened.
type Kind uint8

// The kinds of events, with the fields that they use besides At.
const (
	// Open: a connection was accepted. Conn; Group on a consuming one.
	Open Kind = iota + 1
	// Send: a message is about to be written; it may arrive, or not. Conn, ID, Content; Batch
	// of one that is to be written together with others, or not at all.
	Send
	// Answer: the proxy answered a message. Conn, ID; Partition and Offset, or Code and
	// Retriable of an error.
	Answer
	// Delivery: a client has read a record. Conn, Group, Partition, Offset, Content.
	Delivery
	// ClientCommit: a client is about to commit a record by itself. Conn, Group, Partition,
	// Offset of the record.
	ClientCommit
	// Commit: the proxy asked Kafka to commit. Group, Partition, Offset of the next record.
	Commit
	// Position: what Kafka holds as a group's position. Fields as for Commit.
	Position
	// Taken: how much the proxy read from a connection while nothing that it held could be
	// let go of. Conn, Count and Limit, in messages.
	Taken
	// Close: a connection has ended. Conn; Code, empty where it was cut.
	Close
)

// Event is one thing that happened.
type Event struct {
	Kind      Kind
	At        time.Time
	Conn      int // numbered from 1 by the Recorder
	Group     string
	ID        string // of the message, unique among all that are sent
	Batch     string // unique among all that are sent
	Content   string // what must arrive as it was sent, see Content
	Partition int32
	Offset    int64
	Code      string
	Retriable bool
	Count     int
	Limit     int
}
