package outside

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
)

// remadeRecords is how many records each instance of a topic gets at its begin.
const remadeRecords = 300

// remadeReader is a client of /socket/out that connects again, whatever ends its connection.
type remadeReader struct {
	url     string
	header  http.Header
	commits bool // whether the client commits by itself

	mu        sync.Mutex // guards what follows
	delivered map[string]bool
	codes     map[websocket.StatusCode]int // with which connections ended
}

// TestATopicMadeAgainIsReadFromItsFirstRecord repeatedly deletes a topic and makes it again while a
// consumer's commits are in progress. Positions in one instance must not count for the next.
func TestATopicMadeAgainIsReadFromItsFirstRecord(t *testing.T) {
	t.Parallel()
	for mode, auto := range map[string]bool{"autoCommit": true, "own commits": false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			readRemade(t, realKafka(t), auto)
		})
	}
}

// readRemade reads a topic that is made again and again.
func readRemade(t *testing.T, k *cluster, auto bool) {
	t.Helper()
	p, topic := k.serve("WSPROXY_CONSUMER_COMMIT_INTERVAL=50ms"), k.topic(1)
	r := &remadeReader{
		url:       p.url(fmt.Sprintf("/socket/out?clientId=c&groupId=%s&topic=%s&autoCommit=%t", topic, topic, auto)),
		header:    k.header,
		commits:   !auto,
		delivered: map[string]bool{}, codes: map[websocket.StatusCode]int{},
	}
	reading := r.start(t)
	defer reading()
	for round := range scaled().remade + 1 {
		if round > 0 {
			k.remake(topic)
		}
		stop := k.flow(topic, round)
		k.awaitAll(r, round)
		stop()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Logf("%d instances of %d records each were delivered from the first on; connections ended with %v", scaled().remade+1, remadeRecords, r.codes)
}

// remake deletes a topic and makes it again at once.
func (c *cluster) remake(topic string) {
	c.t.Helper()
	_, err := c.admin.DeleteTopic(within(c.t, patience), topic)
	must(c.t, err)
	await(c.t, "the topic to be made again", func() bool {
		made, err := c.admin.CreateTopic(within(c.t, patience), 1, 1, nil, topic)
		return err == nil && made.Err == nil
	})
}

// flow writes the records of an instance at once, and goes on with others until stop: commits are in
// progress when the topic is deleted.
func (c *cluster) flow(topic string, round int) (stop func()) {
	c.t.Helper()
	var client *kgo.Client
	await(c.t, "the records of an instance to be written", func() (done bool) {
		client, done = c.writeRemade(topic, round)
		return done
	})
	ctx, cancel := context.WithCancel(c.t.Context())
	var writing sync.WaitGroup
	writing.Go(func() {
		defer client.Close()
		every := time.NewTicker(5 * time.Millisecond)
		defer every.Stop()
		for ctx.Err() == nil {
			<-every.C
			client.Produce(ctx, &kgo.Record{Topic: topic, Value: []byte("more")}, nil)
		}
	})
	return func() { // the topic may be gone: its last records are not awaited
		cancel()
		writing.Wait()
	}
}

// writeRemade writes the records of an instance, with a client that knows no other. It fails while the
// broker's metadata still have the previous instance.
func (c *cluster) writeRemade(topic string, round int) (*kgo.Client, bool) {
	c.t.Helper()
	client, err := c.dial()
	must(c.t, err)
	var records []*kgo.Record
	for i := range remadeRecords {
		records = append(records, &kgo.Record{Topic: topic, Value: []byte(remadeValue(round, i))})
	}
	if client.ProduceSync(within(c.t, patience), records...).FirstErr() != nil {
		client.Close()
		return nil, false
	}
	return client, true
}

func remadeValue(round, i int) string { return fmt.Sprintf("%d-%d", round, i) }

func (c *cluster) awaitAll(r *remadeReader, round int) {
	c.t.Helper()
	await(c.t, fmt.Sprintf("all records of instance %d", round), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i := range remadeRecords {
			if !r.delivered[remadeValue(round, i)] {
				return false
			}
		}
		return true
	})
}

// start reads until stop.
func (r *remadeReader) start(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		for ctx.Err() == nil {
			if conn, err := tryDialAs(ctx, r.url, r.header); err == nil {
				r.read(ctx, conn)
				continue
			}
			pause(ctx, 100*time.Millisecond) // the topic may not be there
		}
	})
	return func() {
		cancel()
		reading.Wait()
	}
}

// pause waits between two tries.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (r *remadeReader) read(ctx context.Context, conn *websocket.Conn) {
	defer func() { _ = conn.CloseNow() }()
	for {
		message, err := receive[record](ctx, conn)
		if err != nil {
			r.mu.Lock()
			r.codes[websocket.CloseStatus(err)]++
			r.mu.Unlock()
			return
		}
		if message.Value == nil { // an error, of a commit for an instance that is gone
			continue
		}
		r.mu.Lock()
		if value, ok := message.Value.Value.(string); ok {
			r.delivered[value] = true
		}
		r.mu.Unlock()
		if r.commits {
			_ = conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"wsProxyMessageId":%q}`, message.ID)) // a read tells
		}
	}
}
