package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/frame"
)

// ahead is how many messages each connection sends before the clock starts: the first ones make
// clients and look up brokers.
const ahead = chunk

// span is the time in which records came or went.
type span struct {
	records     int // not those that were there when the clock started
	first, last time.Time
}

func (s span) perSecond() float64 { return float64(s.records) / s.last.Sub(s.first).Seconds() }

// produce sends records through /socket/in, over some connections of one clientId, and waits for their
// answers. begin is called when the clock starts.
func (p *payload) produce(ctx context.Context, e endpoint, topic string, connections, records int, begin func() error) (s span, err error) {
	links, err := openAll(ctx, connections, func(int) target { return p.in(e, topic) })
	if err != nil {
		return span{}, err
	}
	defer cutAll(links)
	head := p.answer(topic)
	if err := forEach(links, func(_ int, l *link) error { return p.exchange(l, ahead, head) }); err != nil {
		return span{}, err
	}
	if err := begin(); err != nil {
		return span{}, err
	}
	s.records, s.first = records, time.Now()
	err = forEach(links, func(i int, l *link) error { return p.exchange(l, share(records, i, connections), head) })
	if err != nil {
		return span{}, err
	}
	s.last = time.Now()
	return s, forEach(links, func(_ int, l *link) error { return l.close() })
}

// share is what the one of index i has of n things that count have together.
func share(n, i, count int) int {
	if i < n%count {
		return n/count + 1
	}
	return n / count
}

// exchange sends messages, with the window full as far as possible, and reads their answers,
// which begin with head.
func (p *payload) exchange(l *link, messages int, head string) error {
	w := newWindow()
	sent := make(chan error, 1)
	go func() { sent <- p.send(l, messages, w) }()
	err := readAnswers(l, messages, head, w)
	w.end()
	if err != nil {
		l.cut()
	}
	return errors.Join(err, <-sent)
}

func (p *payload) send(l *link, messages int, w *window) error {
	for n := 0; n < messages; n += chunk {
		count := min(chunk, messages-n)
		if !w.acquire(count) {
			return nil
		}
		if _, err := l.conn.Write(p.frameRange(n, count)); err != nil {
			return err
		}
	}
	return nil
}

func readAnswers(l *link, messages int, head string, w *window) error {
	fresh := 0 // since the last release
	for range messages {
		if err := l.expect(head); err != nil {
			return err
		}
		fresh++
		if fresh == chunk || l.in.Buffered() == 0 {
			w.release(fresh)
			fresh = 0
		}
	}
	return nil
}

// gathering reads records from /socket/out, until all links together have had all.
type gathering struct {
	links       []*link
	head        string // with which deliveries begin
	records     int64
	count       atomic.Int64
	first, last time.Time // written by who counts the first and the last
}

// gather returns when the links have closed.
func gather(links []*link, head string, records int) (span, error) {
	defer cutAll(links)
	g := &gathering{links: links, head: head, records: int64(records)}
	if err := forEach(links, func(_ int, l *link) error { return g.read(l) }); err != nil {
		return span{}, err
	}
	return span{records: records - 1, first: g.first, last: g.last}, nil
}

func (g *gathering) read(l *link) error {
	for {
		err := l.expect(g.head)
		if errors.Is(err, frame.ErrClosed) && g.count.Load() >= g.records {
			return nil
		}
		if err == nil {
			err = g.add()
		}
		if err != nil {
			return err
		}
	}
}

// add counts one record. After the last it has all links close, in order, so that the proxy is idle
// afterwards.
func (g *gathering) add() error {
	switch g.count.Add(1) {
	case 1:
		g.first = time.Now()
	case g.records:
		g.last = time.Now()
		for _, l := range g.links {
			if err := l.sayClose(); err != nil {
				return err
			}
		}
	}
	return nil
}
