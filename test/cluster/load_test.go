//go:build cluster

package cluster

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/checker"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// crowd is how many producers there are, and how many consumers.
const crowd = 50

// load is a crowd of producers and consumers of one group, and what they saw. The group has the
// name of its topic, which is its alone.
type load struct {
	history.Recorder

	door  door
	topic string
	kafka *kafka
	table *table
	pace  atomic.Int64 // between a producer's messages, in nanoseconds

	all, producing context.Context
	stop, cancel   context.CancelFunc // of everybody, and of the producers
	producers      sync.WaitGroup
	consumers      sync.WaitGroup

	mu       sync.Mutex // guards what follows
	clients  int
	acked    map[string]bool
	read     map[string]bool
	contents map[int32]map[int64]checker.Record // of what was delivered
	closes   map[string]int                     // by status, empty where the connection was cut
	missed   map[string]int                     // handshakes that failed, by status and reason
	moves    []move
}

// begin starts as many producers as consumers, which come back whenever they lose their connection.
func begin(t *testing.T, s *site, at door, name string, count int) *load {
	t.Helper()
	l := &load{
		door: at, topic: s.topic(name), kafka: s.kafka, table: &s.table,
		acked: map[string]bool{}, read: map[string]bool{}, contents: map[int32]map[int64]checker.Record{},
		closes: map[string]int{}, missed: map[string]int{},
	}
	l.all, l.stop = context.WithCancel(t.Context())
	l.producing, l.cancel = context.WithCancel(l.all)
	l.pace.Store(int64(5 * time.Millisecond))
	l.join(count)
	t.Cleanup(func() {
		l.stop()
		l.producers.Wait()
		l.consumers.Wait()
	})
	return l
}

// join starts further producers, and as many consumers, of which there are no more than partitions.
func (l *load) join(count int) {
	l.mu.Lock()
	first := l.clients
	l.clients = min(first+count, partitions)
	last := l.clients
	l.mu.Unlock()
	for i := first; i < last; i++ {
		l.consumers.Go(func() { again(l.all, func(ctx context.Context) { l.consume(ctx, i) }) })
		l.producers.Go(func() { again(l.producing, func(ctx context.Context) { l.produce(ctx, i) }) })
	}
}

// again connects anew until ctx ends, after a moment that is everybody's own.
func again(ctx context.Context, connection func(context.Context)) {
	for ctx.Err() == nil {
		connection(ctx)
		wait(ctx, time.Duration(rand.IntN(500))*time.Millisecond)
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// counts returns how many messages were acknowledged, and how many of them were not read yet.
func (l *load) counts() (acked, unread int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.acked {
		if !l.read[id] {
			unread++
		}
	}
	return len(l.acked), unread
}

// await waits until a condition holds.
func await(t *testing.T, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(limit)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("no %s within %s", what, limit)
		case <-ticker.C:
		}
	}
}

// more waits until another n messages are acknowledged, so that whatever was done to the proxy is
// done to one that works.
func (l *load) more(t *testing.T, n int) {
	t.Helper()
	before, _ := l.counts()
	await(t, "progress of the producers", longest, func() bool {
		acked, _ := l.counts()
		return acked >= before+n
	})
}

// end lets the producers finish and the consumers catch up, and judges what they saw.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.cancel()
	l.producers.Wait()
	await(t, "consumers that had everything acknowledged", longest, func() bool {
		_, unread := l.counts()
		return unread == 0
	})
	log := l.log(t)
	l.stop()
	l.consumers.Wait()
	l.tell(t)
	if log == nil {
		log = l.delivered()
	}
	l.judge(t, log)
}

// quit ends everybody without checking what was read, for a broker that has lost its records.
func (l *load) quit(t *testing.T) {
	t.Helper()
	l.cancel()
	l.producers.Wait()
	l.stop()
	l.consumers.Wait()
	l.tell(t)
}

// log returns what Kafka holds once all of it was read, or nil where nobody here can ask Kafka.
func (l *load) log(t *testing.T) map[int32][]checker.Record {
	t.Helper()
	if l.kafka == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), longest)
	defer cancel()
	log, err := l.kafka.log(ctx, l.topic)
	if err != nil {
		t.Fatal(err)
	}
	await(t, "consumers that had everything in the log", longest, func() bool { return l.has(log) })
	return log
}

func (l *load) has(log map[int32][]checker.Record) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for partition, records := range log {
		for i := range records {
			if _, ok := l.contents[partition][records[i].Offset]; !ok {
				return false
			}
		}
	}
	return true
}

// delivered stands in for the log: Kafka must have held what was delivered, and an acknowledged
// message that is not there is one that nobody could be sent.
func (l *load) delivered() map[int32][]checker.Record {
	log := map[int32][]checker.Record{}
	for partition, records := range l.contents {
		for _, offset := range slices.Sorted(maps.Keys(records)) {
			log[partition] = append(log[partition], records[offset])
		}
	}
	return log
}

func (l *load) judge(t *testing.T, log map[int32][]checker.Record) {
	t.Helper()
	events := l.Events()
	if l.kafka != nil {
		positions, err := l.kafka.positions(context.WithoutCancel(t.Context()), l.topic, l.topic)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, positions...)
	}
	report := checker.Check(events, checker.Kafka{Log: log, Groups: []checker.Group{{Name: l.topic}}})
	l.table.judged(l, &report)
	t.Logf("%d sent, %d acknowledged, %d refused, %d unknown, %d delivered, %d again; %d lost, %d skipped, %d violations in all",
		report.Sent, report.Answered, report.Refused, report.Unknown, report.Delivered, report.Duplicates,
		lost(&report), skipped(&report), len(report.Violations))
	if len(report.Violations) > 0 {
		t.Error(strings.Join(report.Lines(5), "\n"))
	}
}
