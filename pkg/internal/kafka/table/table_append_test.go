package table

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// TestAppendKeepsTheOrder has several goroutines append records in pairs.
func TestAppendKeepsTheOrder(t *testing.T) {
	const goroutines, rounds = 4, 50
	table, n := newTableRig(t, kafkatest.Broker(t).ListenAddrs()...).opened(t, "t")
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range rounds {
				all.Add(1)
				table.Append(pairs(fmt.Sprintf("g%d=%d.0 g%d=%d.1", g, i, g, i)), func(err error) {
					if err != nil {
						t.Error(err)
					}
					all.Done()
				})
			}
		})
	}
	all.Wait()
	kafkatest.Await(t, "the records", func() bool { return len(strings.Fields(n.text())) == 2*goroutines*rounds })
	next := make(map[string]int)
	words := strings.Fields(n.text())
	for i := 0; i < len(words); i += 2 {
		key, _, _ := strings.Cut(words[i], "=")
		if words[i] != fmt.Sprintf("%s=%d.0", key, next[key]) || words[i+1] != fmt.Sprintf("%s=%d.1", key, next[key]) {
			t.Fatalf("%s and %s where %s is at %d", words[i], words[i+1], key, next[key])
		}
		next[key]++
	}
}

func TestAppendRefusals(t *testing.T) {
	r := newTableRig(t, kafkatest.Broker(t).ListenAddrs()...)
	t.Run("nothing to append", func(t *testing.T) {
		table, _ := r.opened(t, "t")
		mustAdd(t, table, "")
	})
	t.Run("too many", func(t *testing.T) {
		table, _ := r.opened(t, "t")
		table.appends.writer.held.Add(maxAppending - 1)
		mustAdd(t, table, "a=1")
		if err := add(t, table, "a=1 a=2"); !errors.Is(err, errTableOverfull) || !IsRefused(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the topic is not known", func(t *testing.T) {
		r := newTableRig(t, "127.0.0.1:1")
		table, _ := r.open(t, "t")
		if err := add(t, table, "a=1"); !errors.Is(err, errTableNotOpen) || !IsRefused(err) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("too large, and its neighbours are not", func(t *testing.T) {
		table, n := r.opened(t, "large")
		large := make(chan error, 1)
		table.Append([]Record{{Key: []byte("k"), Value: make([]byte, 2<<20)}}, func(err error) { large <- err })
		mustAdd(t, table, "a=1")
		if err := <-large; err == nil {
			t.Error("it was taken")
		}
		awaitText(t, n, "a=1")
	})
}

// TestCallbackMayAppend calls Append while it holds a lock that a callback needs, and within a callback.
func TestCallbackMayAppend(t *testing.T) {
	table, n := newTableRig(t, kafkatest.Broker(t).ListenAddrs()...).opened(t, "t")
	var mu sync.Mutex
	done := make(chan struct{})
	mu.Lock()
	table.Append(nil, func(error) {
		mu.Lock()
		defer mu.Unlock()
		table.Append(pairs("a=1"), func(error) {
			table.Append(pairs("b=2"), func(error) { close(done) })
		})
	})
	mu.Unlock()
	select {
	case <-done:
	case <-kafkatest.Deadline(t).Done():
		t.Fatal("stuck")
	}
	awaitText(t, n, "a=1 b=2")
}

func TestCloseOfATable(t *testing.T) {
	t.Run("writes what was appended", func(t *testing.T) {
		r := newTableRig(t, kafkatest.Broker(t).ListenAddrs()...)
		table, _ := r.opened(t, "t")
		outcome := errTableNotOpen
		table.Append(pairs("a=1 b=2"), func(err error) { outcome = err })
		table.Close(kafkatest.Deadline(t))
		if outcome != nil {
			t.Errorf("got %v", outcome)
		}
		if err := add(t, table, "c=3"); !errors.Is(err, errTableClosed) || !IsRefused(err) {
			t.Errorf("got %v", err)
		}
		_, n := r.opened(t, "t")
		awaitText(t, n, "a=1 b=2")
	})
	t.Run("fails what Kafka does not take in time", func(t *testing.T) {
		r := newTableRig(t, kafkatest.Broker(t).ListenAddrs()...)
		table, _ := r.opened(t, "t")
		mustAdd(t, table, "a=1")
		r.gate.Cut()
		var outcome error
		table.Append(pairs("b=2"), func(err error) { outcome = err })
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		table.Close(ctx)
		if took := time.Since(start); outcome == nil || took > 2*time.Second {
			t.Errorf("got %v after %v", outcome, took)
		}
	})
	t.Run("while Kafka is down", func(t *testing.T) {
		table, n := newTableRig(t, "127.0.0.1:1").open(t, "t")
		table.Close(kafkatest.Deadline(t))
		if n.why() != nil {
			t.Error("it began")
		}
	})
}

func TestATableGetsOverARefusedProducerID(t *testing.T) {
	broker := kafkatest.Broker(t)
	table, n := newTableRig(t, broker.ListenAddrs()...).opened(t, "t")
	kafkatest.RefuseProducerID(broker)
	if err := add(t, table, "a=1"); err == nil {
		t.Fatal("the first record was taken")
	}
	kafkatest.Await(t, "a record to be taken", func() bool { return add(t, table, "b=2") == nil })
	kafkatest.Await(t, "it to be read", func() bool { return n.text() != "" })
}
