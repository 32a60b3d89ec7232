package history

import "time"

// Kind says what happened.
type Kind uint8

// The kinds of events, with the fields that they use besides At.
const (
	// Open: a connection was accepted. Conn; Group on a consuming one; Began, when it was asked for.
	Open Kind = iota + 1
	// Send: a message is about to be written; it may arrive, or not. Conn, ID, Content; Pinned; Batch
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
	// Divided: brokers are about to lose sight of each other, so that one may believe to lead a partition that another one leads.
	Divided
	// United: they see each other again, and all know who leads.
	United
	// Requests: how many requests of a kind the proxies sent in a time, and how many are enough.
	// Content says what was counted; Count and Limit.
	Requests

	// What follows is of tails, which read /socket/tail.

	// TailOpen: a tail was accepted. Conn; Group is the tail's name, which all of its connections have;
	// Began, when it was asked for; Tail.
	TailOpen
	// TailBegun: the first frame of a tail. Conn; Code, why it does not go on at its cursor, if it does not.
	TailBegun
	// TailRecord: a tail has read a record. Conn, Topic, Partition, Offset, Content.
	TailRecord
	// TailGap: a tail is told that it is not given records. Conn, Topic, Partition, Offset of the first
	// one, Until, Code of the reason.
	TailGap
	// TailConflated: a tail is told that newer records stand for others. Conn, Topic, Count.
	TailConflated
	// TailSnapshot: the newest records of all keys begin. Conn, Topic.
	TailSnapshot
	// TailLive: they have ended. Conn, Topic, Count of them.
	TailLive
	// TailCursor: a tail has a cursor. Conn; ID is its text.
	TailCursor
	// TailCommand: a tail is about to ask for a topic, for other keys of it, or for its end. Conn, Topic;
	// Tail with From and Keys, nil for the end.
	TailCommand
	// TailObeyed: the answer to the oldest command without one. Conn, Topic.
	TailObeyed
	// TailError: a tail has read an error. Conn, Code.
	TailError

	// What follows is of workers, which take records of a queue from /socket/queue and have each of their messages answered.

	// QueueOpen: a worker was accepted. Conn; ID is its clientId; Group is the queue; Limit is its window; Began, when it was asked for.
	QueueOpen
	// QueueRecord: a worker has read a record. Conn, Partition, Offset, Content; Count of its deliveries; Until, when its
	// lock ends, in milliseconds since the epoch.
	QueueRecord
	// QueueAck: a worker is about to acknowledge a record. Conn, Partition, Offset; Code is the verb; ID of the message, which
	// consecutive records may share.
	QueueAck
	// QueueSettled: a worker is told that Kafka has settled a record. Conn, Partition, Offset.
	QueueSettled
	// QueueRenewed: a worker is told that the lock of a record has begun anew. Conn, Partition, Offset.
	QueueRenewed
	// QueueFailed: a worker has read the error of a record that it has acknowledged. Conn, Partition, Offset, Code.
	QueueFailed
	// QueueAnswered: the answer to a message of a worker is over. Conn; Code is the member that ended it.
	QueueAnswered
	// QueueExpired: a worker is told that it does not hold a record anymore. Conn, Partition, Offset.
	QueueExpired
	// QueueTold: a proxy tells Kafka something about a record of a queue. Group, Instance, Partition, Offset; Code is the verb of workers, or Gap.
	QueueTold
)

// Gap is what proxies tell Kafka about an offset without a record.
const Gap = "gap"

// Event is one thing that happened.
type Event struct {
	Kind      Kind
	At        time.Time
	Began     time.Time
	Conn      int    // numbered from 1 by the Recorder
	Topic     string // empty for the topic that the suite is about
	Group     string
	ID        string // of the message, unique among all that are sent
	Batch     string // unique among all that are sent
	Content   string // what must arrive as it was sent, see Content
	Instance  int    // how often the topic had been made again by then
	Partition int32
	Pinned    *int32 // the partition that a message names; nil where it names none
	Offset    int64
	Until     int64 // the offset behind the last one; of a lock, its end
	Code      string
	Retriable bool
	Count     int
	Limit     int
	Tail      *Tail
}

// Tail is what a tail asks for.
type Tail struct {
	Topics   []string
	From     string // latest, earliest, or cursor
	Cursor   string
	After    []After
	Keys     []string // nil for all
	Slow     string   // wait, skip, or latest
	Every    time.Duration
	Snapshot bool
	// Committed means that it is given committed records only, and those behind an open transaction when that has ended.
	Committed bool
}

// After is the newest record that a tail has beyond its cursor.
type After struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Conflates tells whether the tail is given the newest record of a key where it is slow.
func (t *Tail) Conflates() bool { return t.Slow == "latest" || t.Every > 0 }
