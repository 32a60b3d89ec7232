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
	// Ends returns the places behind the last records.
	Ends(ctx context.Context) (Places, error)
	// Check returns, without records, what the log does not have anymore behind places, and the places at which it
	// does go on: with the epochs of the leaders that were asked, since the places are valid under them.
	Check(ctx context.Context, at Places) (Batch, error)
	// Read begins to read at places, which are of all partitions.
	Read(ctx context.Context, at Places) (Reader, error)
}

// Reader reads a log from its places on. It is for one goroutine.
type Reader interface {
	// Poll waits for records. They are valid until the next call. After an error the reader is of no use.
	Poll(ctx context.Context) (Batch, error)
	Close()
}

// Batch is what a poll returns.
type Batch struct {
	Gaps    []Gap // before the records of their partitions
	Records []proxy.Record
	Next    Places // behind the records, of the partitions that moved
}

// Gap is a range of offsets of which a tail is given no record.
type Gap struct {
	Partition int32
	From, To  int64 // To is the first offset behind the gap
	Reason    GapReason
	Then      Place // where reading goes on: behind the gap, or at its begin where the log was truncated
}

// GapReason tells why there is a gap, as clients see it.
type GapReason string

const (
	// GapSlow tells that the tail could not keep up, and asked not to wait.
	GapSlow GapReason = "SLOW"
	// GapExpired tells that the topic's retention has removed the records.
	GapExpired GapReason = "EXPIRED"
	// GapTruncated tells that a new leader did not have the records.
	GapTruncated GapReason = "TRUNCATED"
	// GapRecreated tells that the topic was deleted and made again.
	GapRecreated GapReason = "RECREATED"
)

// Encoder makes the frames of one variant.
type Encoder interface {
	AppendRecord(dst []byte, r *proxy.Record) []byte
	AppendGap(dst []byte, g Gap) []byte
}
