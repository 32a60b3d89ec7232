package socket

import (
	"slices"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
)

// TailFeed gives the frames of one topic to one tail.
type TailFeed interface {
	// Fill has record called with frames of records, at most most, and control with other frames, while these return
	// true. It returns how many records they were. Only the writer calls it.
	Fill(most int, record, control func(frame []byte) (more bool)) (given int)
	// Err returns why nothing more is given, or nil.
	Err() error
}

// TailSet holds the topics of a tail socket. It is safe for concurrent use.
type TailSet struct {
	mu    sync.Mutex // guards what follows
	feeds []*tailTopic
	next  int // which one is the first to be asked for frames
}

// tailTopic is a topic of a tail socket.
type tailTopic struct {
	feed      TailFeed
	delivered *metrics.Delivered
	encoded   int  // records since the last write; the writer's
	failed    bool // whether its error was told; the writer's
}

// Add adds a topic.
func (s *TailSet) Add(feed TailFeed, delivered *metrics.Delivered) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feeds = append(s.feeds, &tailTopic{feed: feed, delivered: delivered})
}

// Remove removes a topic. The writer does not ask it for frames afterwards.
func (s *TailSet) Remove(feed TailFeed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.feeds = slices.DeleteFunc(s.feeds, func(t *tailTopic) bool { return t.feed == feed })
}
