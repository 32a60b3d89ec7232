// Package codec decodes the frames of the sockets into proxy types and encodes them back. It
// works on bytes only: no network, no Kafka client.
package codec

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// Message is one decoded produce message, or the reason why it could not be decoded.
type Message struct {
	Record proxy.Record // without meaning if Err is set
	ID     string       // messageId, where it is known, also beside Err
	HasID  bool         // whether there was one: an empty one is answered too
	Err    *proxy.Error
}

// Batch describes a frame that is a batch. Faults are kept apart from its other messages since half
// a million faulty ones fit a frame of the default length, and a Message takes a hundred times the
// bytes of such a one.
type Batch struct {
	Faults []Fault // in the order of their positions
}

// FaultCount returns the number of faults; b may be nil.
func (b *Batch) FaultCount() int {
	if b == nil {
		return 0
	}
	return len(b.Faults)
}

// Fault is a message of a batch that could not be decoded and has no known messageId.
type Fault struct {
	At  int // its position in the batch, from 0
	Err *proxy.Error
}

// Commit asks for the offset of a delivered record, and of all before it in its partition,
// to be committed.
type Commit struct {
	ID       string // wsProxyMessageId as the client wrote it, where it is known, also beside an error
	HasID    bool   // whether it is known: an empty one is repeated in errors, too
	Position proxy.Position
}

// InSettings are the parameters of a /socket/in connection.
type InSettings struct {
	Topic       string       // named in acks
	KeyFormat   proxy.Format // for keys without a format of their own; FormatNone where none was given
	ValueFormat proxy.Format // for values without a format of their own; FormatNone where none was given
	MaxDepth    int          // deepest nesting of JSON taken, one array or object being 1
	// ClientMessageID names a message's id in its ack as clientMessageId, too: kpmeen/kafka-websocket-proxy documents messageId there, and
	// sends this. In Avro it has no other name.
	ClientMessageID bool
}

// OutSettings are the parameters of a /socket/out or /socket/tail connection.
type OutSettings struct {
	Topic       string       // named in records
	KeyFormat   proxy.Format // FormatNone where none was given
	ValueFormat proxy.Format // FormatNone is string
	MaxDepth    int          // deepest nesting of a json key or value, one array or object being 1
	// LongsAsText delivers keys and values of format long as strings of digits: JavaScript rounds
	// numbers beyond 2^53. Avro has a type for longs and is not affected.
	LongsAsText bool
	// MaxMessageBytes is the longest message that the client takes, at least LeastMessageLimit; 0 is
	// no limit. If the message of a record would be longer, its value is left out, then its key, then
	// its headers. Only JSON can tell the client so: NewAvroOut ignores the limit.
	MaxMessageBytes int
}

// In is the codec of one payload for a /socket/in connection. AppendAck may be called beside Decode and Rest, which
// are for one goroutine at a time.
type In interface {
	// Decode appends the messages of frame to into. batch is nil where frame is a single
	// message. A batch is to be answered by one array in the order of its messages: those
	// appended, with the batch's Faults at their positions. Nothing shares memory with frame.
	Decode(frame []byte, into []Message) (messages []Message, batch *Batch)
	// Rest gives back the memory that is kept for the next messages.
	Rest()
	// AppendAck appends the answer to a message that Kafka acknowledged. Where hasID is
	// false, id is not written.
	AppendAck(dst []byte, ack proxy.Ack, id string, hasID bool) []byte
	// Binary tells whether frames are binary WebSocket messages. Error frames are text always.
	Binary() bool
}

// Out is the codec of one payload for a /socket/out connection. DecodeCommit may be called beside AppendRecord,
// which is for one goroutine at a time.
type Out interface {
	// AppendRecord appends the message that delivers r. undecodable tells that its key or
	// its value did not fit the requested format and was encoded as bytes.
	AppendRecord(dst []byte, r *proxy.Record) (frame []byte, undecodable bool)
	// DecodeCommit reads a client's commit. Beside an error the Commit holds the ID where
	// it is known. The Commit shares no memory with frame.
	DecodeCommit(frame []byte) (Commit, *proxy.Error)
	// Binary tells whether frames are binary WebSocket messages. Error frames are text always.
	Binary() bool
}
