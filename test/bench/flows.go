package main

import (
	"context"
	"errors"
	"net/url"
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
func (d *data) produce(ctx context.Context, addr, topic string, records int, begin func() error) (s span, err error) {
	l, err := open(ctx, addr, "/socket/in", url.Values{"clientId": {"bench"}, "topic": {topic}})
	if err != nil {
		return span{}, err
	}
	if err := d.exchange(l, ahead); err != nil {
		l.cut()
		return span{}, err
	}
	if err := begin(); err != nil {
		l.cut()
		return span{}, err
	}
	s.records, s.first = records, time.Now()
	if err := d.exchange(l, records); err != nil {
		l.cut()
		return span{}, err
	}
	s.last = time.Now()
	return s, l.close()
}

// exchange sends messages, with the window full as far as possible, and reads their answers.
func (d *data) exchange(l *link, messages int) error {
	w := newWindow()
	sent := make(chan error, 1)
	go func() { sent <- d.send(l, messages, w) }()
	err := readAnswers(l, messages, w)
	w.end()
	if err != nil {
		l.cut()
	}
	return errors.Join(err, <-sent)
}

func (d *data) send(l *link, messages int, w *window) error {
	for n := 0; n < messages; n += chunk {
		count := min(chunk, messages-n)
		if !w.acquire(count) {
			return nil
		}
		if _, err := l.conn.Write(d.frameRange(n, count)); err != nil {
			return err
		}
	}
	return nil
}

func readAnswers(l *link, messages int, w *window) error {
	fresh := 0 // since the last release
	for range messages {
		answer, err := l.next()
		if err == nil {
			err = wants(answer, `{"topic":`)
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
func consume(ctx context.Context, addr, topic, group string, records int) (s span, err error) {
	l, err := open(ctx, addr, "/socket/out", url.Values{"clientId": {"bench"}, "groupId": {group}, "topic": {topic}})
	if err != nil {
		return span{}, err
	}
	for n := range records {
		message, err := l.next()
		if err == nil {
			err = wants(message, `{"wsProxyMessageId":`)
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
