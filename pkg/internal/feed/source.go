package feed

import (
	"context"
	"errors"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// ErrGone is wrapped by errors after which nothing can be read of a log anymore. After others reading is tried again.
var ErrGone = errors.New("the log is gone")

// Source reads one log at Kafka: a topic instance under one isolation level, with one identity.
type Source interface {
	// Starts returns the places of the first records, and the earliest time in partitions whose leaders do not answer:
	// see proxy.AtTime.
	Starts(ctx context.Context) (proxy.Places, error)
	// Ends returns the places behind the last records, and in partitions whose leaders do not answer a time that is before all
	// that will be written.
	Ends(ctx context.Context) (proxy.Places, error)
	// At returns the places of the first records that are not older than a time, in milliseconds since the epoch, and the
	// ends of partitions that have none.
	At(ctx context.Context, timestamp int64) (proxy.Places, error)
	// Check returns, without records, what the log does not have anymore behind places, and the places at which it
	// does go on: with the epochs of the leaders that were asked, since the places are valid under them. It leaves out
	// partitions whose leaders do not answer.
	Check(ctx context.Context, at proxy.Places) (proxy.Batch, error)
	// Read begins to read at places, which are of all partitions. The first batch has the gaps that Check would tell.
	Read(ctx context.Context, at proxy.Places) (Reader, error)
	// Close is called when the log is not read anymore.
	Close()
}

// Reader reads a log from its places on. It is for one goroutine.
type Reader interface {
	// Poll waits for records. They are valid until the next call. After an error the reader is of no use, save where
	// that is ctx's: the next call goes on where it was.
	Poll(ctx context.Context) (proxy.Batch, error)
	Close()
}

// Encoder makes the frames of one variant. It is for one goroutine at a time.
type Encoder interface {
	AppendRecord(dst []byte, r *proxy.Record) []byte
	AppendGap(dst []byte, g proxy.Gap) []byte
	// AppendSnapshot appends the frame that begins or ends the newest records, of so many keys.
	AppendSnapshot(dst []byte, ends bool, keys int) []byte
	// AppendConflated appends the frame that tells how many records were left out.
	AppendConflated(dst []byte, records int) []byte
	// AppendKey appends the text of a record's key, which is not null, as the frames show it.
	AppendKey(dst []byte, r *proxy.Record) []byte
}
