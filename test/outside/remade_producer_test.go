package outside

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	remadePartitions = 4
	// remadeAnswers is how many messages of a round are answered before its topic is deleted.
	remadeAnswers = 2000
)

// remadeProducer is a client of /socket/in that sends without waiting, and connects again each time
// that its topic was deleted and made again.
type remadeProducer struct {
	t     testing.TB
	k     *cluster
	topic string
	url   string

	mu       sync.Mutex // guards what follows, of one round
	answered map[string]answer
	refused  map[string]int // by code
}

// TestProducerOfATopicThatIsMadeAgain checks that every message is in the topic for which it was
// acknowledged, that no message of the previous topic is, and that the first message to each topic is
// written.
func TestProducerOfATopicThatIsMadeAgain(t *testing.T) {
	t.Parallel()
	writeRemade(t, realKafka(t))
}

// writeRemade writes to a topic that is made again and again.
func writeRemade(t *testing.T, k *cluster) {
	t.Helper()
	p := &remadeProducer{t: t, k: k, topic: k.topic(remadePartitions)}
	p.url = k.serve().url("/socket/in?clientId=p&topic=" + p.topic)
	for round := range scaled().remade {
		p.round(round)
	}
}

func (p *remadeProducer) round(round int) {
	p.t.Helper()
	p.answered, p.refused = map[string]answer{}, map[string]int{}
	ctx := within(p.t, 2*patience)
	conn, err := tryDialAs(ctx, p.url, p.k.header)
	must(p.t, err)
	defer func() { _ = conn.CloseNow() }()
	dialled := time.Now()
	name := fmt.Sprintf("r%d-first", round)
	send(p.t, conn, remadeMessage(name))
	if a := next[answer](p.t, conn); a.Error != nil || a.MessageID != name {
		p.t.Fatalf("round %d: the first message got %+v, %+v", round, a, a.Error)
	}
	first := time.Since(dialled)
	window, sent, read := make(chan struct{}, unanswered), make(chan int, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { sent <- p.send(ctx, conn, round, window) }()
	go func() { read <- p.read(ctx, conn, window) }()
	await(p.t, "enough answers", func() bool { return len(p.sofar()) >= remadeAnswers })
	p.compare(round, p.sofar())
	p.remake()
	remade := time.Now()
	err = <-read
	cancel()
	if code := websocket.CloseStatus(err); code != websocket.StatusServiceRestart {
		p.t.Errorf("round %d: the connection ended with %v", round, err)
	}
	p.t.Logf("round %d: the first answer after %v, %d sent, %d answered, refused %v, closed %v after the topic was there again",
		round, first.Round(time.Millisecond), <-sent, len(p.answered), p.refused, time.Since(remade).Round(time.Millisecond))
}

func remadeMessage(name string) string {
	return fmt.Sprintf(`{"messageId":%q,"value":{"value":%q}}`, name, name)
}

// send sends messages until that fails, with a window of those that are not answered, and returns how
// many it has sent.
func (p *remadeProducer) send(ctx context.Context, conn *websocket.Conn, round int, window chan<- struct{}) int {
	for i := 0; ; i++ {
		select {
		case window <- struct{}{}:
		case <-ctx.Done():
			return i
		}
		if conn.Write(ctx, websocket.MessageText, []byte(remadeMessage(fmt.Sprintf("r%d-%d", round, i)))) != nil {
			return i
		}
	}
}

// read reads answers until the connection ends.
func (p *remadeProducer) read(ctx context.Context, conn *websocket.Conn, window <-chan struct{}) error {
	for {
		a, err := receive[answer](ctx, conn)
		if err != nil {
			return err
		}
		<-window
		p.mu.Lock()
		if a.Error == nil {
			p.answered[a.MessageID] = a
		} else {
			p.refused[a.Error.Code]++
		}
		p.mu.Unlock()
	}
}

// sofar returns the answers so far.
func (p *remadeProducer) sofar() map[string]answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.answered)
}

// compare checks that every acknowledged message is in the topic at its acknowledged offset, and that no
// message of the previous rounds is.
func (p *remadeProducer) compare(round int, answered map[string]answer) {
	p.t.Helper()
	log, missing := p.k.log(p.topic), 0
	for name, a := range answered {
		if records := log[a.Partition]; a.Offset >= int64(len(records)) || string(records[a.Offset].Value) != name {
			missing++
		}
	}
	if missing > 0 {
		p.t.Errorf("round %d: %d of %d answered messages are missing", round, missing, len(answered))
	}
	prefix := fmt.Sprintf("r%d-", round)
	for _, records := range log {
		for _, r := range records {
			if !strings.HasPrefix(string(r.Value), prefix) {
				p.t.Fatalf("round %d: the topic has %q", round, r.Value)
			}
		}
	}
}

// remake deletes the topic and makes it again.
func (p *remadeProducer) remake() {
	p.t.Helper()
	_, err := p.k.admin.DeleteTopic(within(p.t, patience), p.topic)
	must(p.t, err)
	await(p.t, "the topic to be made again", func() bool {
		_, err := p.k.admin.CreateTopic(within(p.t, patience), remadePartitions, 1, nil, p.topic)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			p.t.Fatal(err)
		}
		return err == nil
	})
}
