package workload

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

const (
	// MaxBatch is the longest array of messages that producers send.
	MaxBatch = 8
	// answerWait is how long a producer that closes gracefully waits for its answers.
	answerWait = 15 * time.Second
	// reconnectMax bounds the pause before a client reconnects.
	reconnectMax = 2 * time.Second
)

// Producer sends messages on consecutive connections.
type Producer struct {
	Client
	Name       string // of its messages, the client id if empty
	Rand       *rand.Rand
	Partitions int32
	Burst      int           // largest number of messages sent without a pause
	Every      time.Duration // between bursts
	MinSize    int           // of a value, in bytes, or up to 13 less beside its id
	MaxSize    int           // of a value, in bytes
	Slow       time.Duration // between two answers read
	Life       time.Duration // of a connection
	// Transactional means that it writes in transactions: its arrays are batches.
	Transactional bool
	// Sessions means that the proxies want producers to have sessions.
	Sessions bool
	// Keyed means that every message has a key, and some have no value, as a compacted topic needs.
	Keyed bool

	Ending func(*rand.Rand) Ending

	sessions int
	acked    atomic.Int64

	mu      sync.Mutex // guards what follows
	current *producing
}

// Acked returns how many messages Kafka has acknowledged.
func (p *Producer) Acked() int64 { return p.acked.Load() }

// producing is one connection of a producer.
type producing struct {
	*session
	topic         string // in the history
	transactional bool

	acked    *atomic.Int64
	answered chan struct{} // notified of every answer

	mu     sync.Mutex // guards what follows
	open   int        // messages without an answer
	offset int64      // bytes written
	frames []frame
}

// frame is the position of a frame's last byte in the written bytes, and the number of its messages that
// the proxy must keep until Kafka has answered.
type frame struct {
	end      int64
	messages int
}

// Run sends until ctx ends.
func (p *Producer) Run(ctx context.Context) {
	parameters := url.Values{}
	if p.Transactional {
		parameters.Set("transactional", "true")
	}
	if p.Transactional || p.Sessions {
		parameters.Set("instanceId", "i")
	}
	for ctx.Err() == nil {
		s, err := p.open(ctx, "/socket/in", history.Event{Kind: history.Open, Topic: p.named()}, parameters)
		if err == nil {
			p.serve(ctx, s)
		}
		if !Pause(ctx, time.Duration(p.Rand.Int64N(int64(reconnectMax)))) {
			return
		}
	}
}

func (p *Producer) serve(ctx context.Context, s *session) {
	p.sessions++
	c := &producing{
		session: s, topic: p.named(), transactional: p.Transactional, acked: &p.acked, answered: make(chan struct{}, 1), offset: written(s.wire),
	}
	p.mu.Lock()
	p.current = c
	p.mu.Unlock()
	go s.read(c.take, func() {
		if p.Slow > 0 {
			Pause(s.stopped, p.Slow)
		}
	}, Pongs{})
	p.send(c)
	ending := p.Ending(p.Rand)
	if ctx.Err() != nil {
		ending = Reset
	}
	if ending == CloseHandshake {
		c.awaitAnswers(answerWait)
	}
	p.mu.Lock()
	p.current = nil // the proxy reads what a connection has left when it closes it, and takes none of that
	p.mu.Unlock()
	s.end(ctx, ending, p.Rand)
}

// send sends bursts until the connection's lifetime is over.
func (p *Producer) send(c *producing) {
	life, cancel := context.WithTimeout(c.life, p.Life)
	defer cancel()
	stop := context.AfterFunc(life, func() { _ = c.wire.SetWriteDeadline(time.Unix(1, 0)) })
	defer func() {
		stop()
		_ = c.wire.SetWriteDeadline(time.Time{})
	}()
	for n := 0; ; {
		for left := 1 + p.Rand.IntN(p.Burst); left > 0; {
			size := 1
			if p.Rand.IntN(10) == 0 {
				size = 1 + p.Rand.IntN(MaxBatch)
			}
			batch := make([]message, size)
			for i := range batch {
				n++
				id := fmt.Sprintf("%s.%d.%d", cmp.Or(p.Name, p.ClientID), p.sessions, n)
				batch[i] = p.newMessage(id)
			}
			if c.send(batch, p.Rand) != nil {
				return
			}
			left -= size
		}
		if !Pause(life, p.Every) {
			return
		}
	}
}

// send sends one message, or several as a batch.
func (c *producing) send(batch []message, r *rand.Rand) error {
	var payload []byte
	var err error
	if len(batch) == 1 {
		payload, err = json.Marshal(batch[0])
	} else {
		payload, err = json.Marshal(batch)
	}
	if err != nil {
		return fmt.Errorf("encoding a message: %w", err)
	}
	c.note(batch)
	switch r.IntN(10) {
	case 0:
		err = c.ws.SendFragments(payload, 1+r.IntN(3))
	case 1:
		err = c.ws.Send(wsclient.Binary, payload)
	default:
		err = c.ws.Send(wsclient.Text, payload)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := 0
	for i := range batch {
		if !batch[i].refused {
			kept++
		}
	}
	c.frames = append(c.frames, frame{written(c.wire), kept})
	return err
}

// note records messages before they are sent.
func (c *producing) note(batch []message) {
	for i := range batch {
		e := history.Event{Kind: history.Send, Conn: c.conn, Topic: c.topic, ID: batch[i].ID, Content: batch[i].content(), Pinned: batch[i].Partition}
		if c.transactional && !batch[i].refused {
			e.Batch = batch[0].ID
		}
		c.recorder.Add(e)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open += len(batch)
}

// take records answers. An error without a messageId is about the connection.
func (c *producing) take(payload []byte) {
	all, err := answers(payload)
	if err != nil {
		c.recorder.Add(history.Event{Kind: history.Answer, Conn: c.conn, Topic: c.topic, ID: "no JSON: " + string(payload)})
		return
	}
	for _, a := range all {
		e := history.Event{Kind: history.Answer, Conn: c.conn, Topic: c.topic, ID: a.ID, Partition: a.Partition, Offset: a.Offset}
		if a.Error != nil {
			if a.ID == "" {
				continue
			}
			e.Code, e.Retriable = a.Error.Code, a.Error.Retriable
		}
		c.recorder.Add(e)
		if e.Code == "" {
			c.acked.Add(1)
		}
		c.mu.Lock()
		c.open--
		c.mu.Unlock()
	}
	select {
	case c.answered <- struct{}{}:
	default:
	}
}

// awaitAnswers waits until all messages are answered, and reports whether they are.
func (c *producing) awaitAnswers(limit time.Duration) bool {
	ctx, cancel := context.WithTimeout(c.life, limit)
	defer cancel()
	for {
		c.mu.Lock()
		open := c.open
		c.mu.Unlock()
		if open == 0 {
			return true
		}
		select {
		case <-c.answered:
		case <-ctx.Done():
			return false
		}
	}
}
