package server

import (
	"context"
	"fmt"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/feed"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/read"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// source is a log at Kafka as package feed reads it.
type source struct {
	*read.Source

	topic *cluster.Topic
}

// Starts implements feed.Source.
func (s source) Starts(ctx context.Context) (proxy.Places, error) {
	starts, err := s.Source.Starts(ctx)
	return starts, s.orGone(err)
}

// Ends implements feed.Source.
func (s source) Ends(ctx context.Context) (proxy.Places, error) {
	ends, err := s.Source.Ends(ctx)
	return ends, s.orGone(err)
}

// At implements feed.Source.
func (s source) At(ctx context.Context, timestamp int64) (proxy.Places, error) {
	at, err := s.Source.At(ctx, timestamp)
	return at, s.orGone(err)
}

// Check implements feed.Source.
func (s source) Check(ctx context.Context, at proxy.Places) (proxy.Batch, error) {
	batch, err := s.Source.Check(ctx, at)
	return batch, s.orGone(err)
}

// Read implements feed.Source.
func (s source) Read(ctx context.Context, at proxy.Places) (feed.Reader, error) {
	r, err := s.Source.Read(ctx, at)
	if err != nil {
		return nil, s.orGone(err)
	}
	return reader{r, s}, nil
}

// Close implements feed.Source.
func (s source) Close() { s.topic.Close() }

// orGone marks errors of a topic that has ended.
func (s source) orGone(err error) error {
	select {
	case <-s.topic.Over():
		if err != nil {
			return fmt.Errorf("%w: %w", feed.ErrGone, s.topic.End())
		}
	default:
	}
	return err
}

// reader is a read.Reader as package feed uses it.
type reader struct {
	*read.Reader

	source source
}

// Poll implements feed.Reader.
func (r reader) Poll(ctx context.Context) (proxy.Batch, error) {
	batch, err := r.Reader.Poll(ctx)
	return batch, r.source.orGone(err)
}
