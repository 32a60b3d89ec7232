package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// measuring is one run of bench.
type measuring struct {
	client *client.Client
	flags  *benchFlags
	id     string // with which the keys of the run's records begin
	began  time.Time
	filler []byte // what values are cut from

	acked, seen atomic.Int64 // of the part that runs, for the line of progress
	parts       atomic.Int64 // that have begun
}

// part is what is written in one go.
type part struct {
	name     string
	messages int
	rate     int // messages a second, 0 for no limit
}

// filler returns twice the text that a value has, and more, so that values differ: random base64, as random as text is.
func filler(size int) []byte {
	random := make([]byte, (2*size+4096)*3/4)
	_, _ = rand.Read(random) // it never fails
	return []byte(base64.StdEncoding.EncodeToString(random))
}

func (m *measuring) progress() string {
	return fmt.Sprintf("part %d: %d acknowledged, %d read", m.parts.Load(), m.acked.Load(), m.seen.Load())
}

// message returns the n-th message of a part. Its key tells which it is, and when it was due.
func (m *measuring) message(n int, due time.Duration) client.Message {
	key := append(make([]byte, 0, 48), m.id...)
	key = strconv.AppendInt(key, m.parts.Load(), 10)
	key = strconv.AppendInt(append(key, '-'), int64(n), 10)
	key = strconv.AppendInt(append(key, '-'), int64(due), 10)
	begin := n * 7 % (len(m.filler) - m.flags.size)
	return client.Message{Key: key, Value: m.filler[begin : begin+m.flags.size]}
}

// numbered reads a key. ok is false for records of others, or of another part.
func (m *measuring) numbered(key []byte) (n int, due time.Duration, ok bool) {
	rest, ok := bytes.CutPrefix(key, strconv.AppendInt([]byte(m.id), m.parts.Load(), 10))
	fields := bytes.Split(rest, []byte("-"))
	if !ok || len(fields) != 3 {
		return 0, 0, false
	}
	n, err := strconv.Atoi(string(fields[1]))
	at, err2 := strconv.ParseInt(string(fields[2]), 10, 64)
	return n, time.Duration(at), err == nil && err2 == nil
}

// begin begins a part.
func (m *measuring) begin() {
	m.parts.Add(1)
	m.acked.Store(0)
	m.seen.Store(0)
}

// write writes the messages of a part, and waits until all are acknowledged. first is the timestamp of the first of them.
func (m *measuring) write(ctx context.Context, p part) (r result, first int64, err error) {
	if p.rate == 0 {
		m.begin()
	}
	producer := m.client.Producer(client.ProducerOptions{Topic: m.flags.topic, MaxInFlight: m.flags.inFlight, MaxInFlightBytes: max(8<<20, m.flags.size)})
	defer producer.Close()
	w := answers{measuring: m, waits: new(histogram)}
	began := time.Now()
	for n := range p.messages {
		due := time.Since(m.began)
		if p.rate > 0 {
			at := began.Add(time.Duration(n) * time.Second / time.Duration(p.rate))
			if err := sleepUntil(ctx, at); err != nil {
				return r, 0, err
			}
			due = at.Sub(m.began)
		}
		if err := producer.Enqueue(ctx, m.message(n, due), func(ack client.Ack, err error) { w.answered(ack, err, due) }); err != nil {
			return r, 0, refusedOr(err)
		}
		if err := w.refusal(); err != nil {
			return r, 0, err
		}
	}
	if err := producer.Flush(ctx); err != nil {
		return r, 0, err //nolint:wrapcheck // it says what has ended the producer
	}
	return m.result(p.name, p.messages, time.Since(began), w.waits), w.first, w.refusal()
}

// answers are those to the messages of a part.
type answers struct {
	measuring *measuring
	waits     *histogram

	mu      sync.Mutex // guards what follows
	first   int64      // the timestamp of the first record
	refused error
}

func (a *answers) answered(ack client.Ack, err error, due time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		if a.refused == nil {
			a.refused = refusedOr(err)
		}
		return
	}
	a.waits.add(time.Since(a.measuring.began) - due)
	if a.measuring.acked.Add(1) == 1 {
		a.first = ack.Timestamp
	}
}

func (a *answers) refusal() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refused
}

// refusedOr gives the refusal of a message its exit code. Other errors are about the connection.
func refusedOr(err error) error {
	var e *client.Error
	if errors.As(err, &e) && e.Status == 0 && (e.Close == 0 || e.Code == "MESSAGE_TOO_LARGE") {
		return refused(fmt.Errorf("a message was refused: %w", err))
	}
	return err
}

func sleepUntil(ctx context.Context, at time.Time) error {
	wait := time.Until(at)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
