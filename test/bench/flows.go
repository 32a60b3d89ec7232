package main

import (
	"context"
	"errors"
	"time"
)

// ahead is how many messages are sent before the clock starts: the first ones make clients
// and look up brokers.
const ahead = chunk

// span is the time in which records came or went.
type span struct {
	records     int // not those that were there when the clock started
	first, last time.Time
}

func (s span) perSecond() float64 { return float64(s.records) / s.last.Sub(s.first).Seconds() }

// produce sends records through /socket/in and waits for their answers. begin is called when
// the clock starts.
func (p *payload) produce(ctx context.Context, addr, topic string, records int, begin func() error) (s span, err error) {
	l, err := open(ctx, addr, "/socket/in", p.query(topic), p.op)
	if err != nil {
		return span{}, err
	}
	head := p.answer(topic)
	if err := p.exchange(l, ahead, head); err != nil {
		l.cut()
		return span{}, err
	}
	if err := begin(); err != nil {
		l.cut()
		return span{}, err
	}
	s.records, s.first = records, time.Now()
	if err := p.exchange(l, records, head); err != nil {
		l.cut()
		return span{}, err
	}
	s.last = time.Now()
	return s, l.close()
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
		answer, err := l.next()
		if err == nil {
			err = wants(answer, head)
		}
		if err != nil {
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

// consume reads records from /socket/out, as a new group.
func (p *payload) consume(ctx context.Context, addr, topic, group string, records int) (s span, err error) {
	query := p.query(topic)
	query.Set("groupId", group)
	l, err := open(ctx, addr, "/socket/out", query, p.op)
	if err != nil {
		return span{}, err
	}
	for n := range records {
		message, err := l.next()
		if err == nil {
			err = wants(message, p.delivery)
		}
		if err != nil {
			l.cut()
			return span{}, err
		}
		if n == 0 {
			s.records, s.first = records-1, time.Now()
		}
	}
	s.last = time.Now()
	return s, l.close()
}
