package history

import "time"

// Kind says what happened.
type Kind uint8

// The kinds of events, with the fields that they use besides At.
const (
	// Open: a connection was accepted. Conn; Group on a consuming one; Began, when it was asked for.
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
	// Commit: the proxy asked Kafka to commit. Group, Instance, Partition, Offset of the next record.
	Commit
	// Position: what Kafka holds as a group's position. Fields as for Commit.
	Position
	// Taken: how much the proxy read from a connection while nothing that it held could be
	// let go of. Conn, Count and Limit, in messages.
	Taken
	// Close: a connection has ended. Conn; Code, empty where it was cut.
	Close

	// What follows is done by the suite, which records the end of something before it comes, and
	// the beginning of something after it has come.

	// Made: the topic was made, for the first time or again. Instance; Count of its partitions.
	Made
	// Ended: the topic is about to be deleted. Instance.
	Ended
	// Grown: the topic has more partitions. Instance; Count of them all.
	Grown
	// Trim: the log is about to lose its beginning. Instance, Partition, Offset of the first record
	// that is left.
	Trim
	// LogEnd: where the log ends. Instance, Partition, Offset of the next record.
	LogEnd
	// Broken: Kafka begins to refuse every request to read the topic, by an error that stays.
	Broken
	// Mended: Kafka serves readers again.
	Mended
	// Requests: how many requests of a kind the proxies sent in a time, and how many are enough.
	// Content says what was counted; Count and Limit.
	Requests
)

// Event is one thing that happened.
type Event struct {
	Kind      Kind
	At        time.Time
	Began     time.Time
	Conn      int // numbered from 1 by the Recorder
	Group     string
	ID        string // of the message, unique among all that are sent
	Batch     string // unique among all that are sent
	Content   string // what must arrive as it was sent, see Content
	Instance  int    // how often the topic had been made again by then
	Partition int32
	Offset    int64
	Code      string
	Retriable bool
	Count     int
	Limit     int
}
