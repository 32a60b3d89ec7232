package read

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Options are what a log is read with.
type Options struct {
	Topic         *cluster.Topic // with its credentials, which are read for each login; the source does not close it
	ReadCommitted bool
	// FetchBytes is about how many bytes of records a reader buffers from all brokers together; 1 MiB if zero.
	FetchBytes int32
}

// Source reads the log of a topic instance under one isolation level, with one identity. It may be used by any
// number of goroutines.
type Source struct {
	cluster    *cluster.Cluster
	topic      *cluster.Topic
	isolation  int8
	fetchBytes int64
	lookPause  time.Duration // between two looks for partitions that are stuck
	heldBack   time.Duration // how old records may be when producers have them written

	mu    sync.Mutex      // guards what follows
	stuck map[int32]stuck // where readers were last found to be stuck
}

const (
	defaultFetchBytes = 1 << 20
	// heldBack is how long Kafka's producers keep records by default for a partition that has no leader
	// (delivery.timeout.ms). Their timestamps are of before that.
	heldBack = 2 * time.Minute
	// Isolation levels of requests.
	uncommitted, committed = 0, 1
)

// New returns a source. It asks nothing of Kafka yet.
func New(c *cluster.Cluster, o Options) *Source {
	s := &Source{cluster: c, topic: o.Topic, fetchBytes: int64(o.FetchBytes), lookPause: lookPause, heldBack: heldBack, stuck: make(map[int32]stuck)}
	if s.fetchBytes == 0 {
		s.fetchBytes = defaultFetchBytes
	}
	if o.ReadCommitted {
		s.isolation = committed
	}
	return s
}

// Compacted tells whether the topic's cleanup.policy contains compact.
func (s *Source) Compacted(ctx context.Context) (bool, error) {
	compacted, err := s.topic.IsCompacted(ctx)
	if end := s.end(); end != nil {
		return false, end
	}
	return compacted, err //nolint:wrapcheck // an error for the client
}

// end returns why nothing can be read of the topic anymore, or nil.
func (s *Source) end() error {
	select {
	case <-s.topic.Over():
		return s.topic.End()
	default:
		return nil
	}
}

// lookups returns the client for requests about the log.
func (s *Source) lookups() (*kgo.Client, error) {
	client, err := s.topic.Lookups()
	if err != nil {
		return nil, errors.Join(s.end(), err)
	}
	return client, nil
}

// unavailable converts the reason why Kafka does not tell about the log into an error for clients.
func (s *Source) unavailable(err error) error {
	return proxy.Wrap(err, proxy.KindKafkaUnavailable, "Kafka cannot tell about topic %q now.", s.topic.Name)
}
