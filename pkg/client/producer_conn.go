package client

import (
	"context"
	"errors"
	"sync"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// use sends what is unanswered on a new connection, and then what comes.
func (p *Producer) use(ctx context.Context, c *conn) error {
	if !p.begin() {
		return ErrClosed
	}
	defer p.connectionEnded()
	ended := make(chan error, 1)
	var reading sync.WaitGroup
	reading.Go(func() { ended <- p.readAnswers(c) })
	err := p.writeMessages(ctx, c, ended)
	if err == nil {
		c.close() // the reader reads until then
		reading.Wait()
		return nil
	}
	c.end(err)
	if why := <-ended; !errors.Is(why, err) {
		err = why // the close code says more than the write that failed after it
	}
	if hasCloseCode(err, proxy.CloseMessageTooBig) && p.tooLong() {
		return errSmaller
	}
	return err
}

// begin has everything sent again, unless the producer is to end.
func (p *Producer) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.backlog.again()
	p.connected = true
	return !p.ending
}

func (p *Producer) connectionEnded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connected = false
	if p.ending {
		p.cancel(ErrClosed)
	}
}

// errSmaller is why a connection is made anew after a frame was too long.
var errSmaller = errors.New("a message was longer than the proxy takes")

// writeMessages returns nil when the producer is to end and nothing is unanswered.
func (p *Producer) writeMessages(ctx context.Context, c *conn, ended chan error) error {
	var frame []byte
	kind := websocket.MessageText
	if p.client.options.Avro {
		kind = websocket.MessageBinary
	}
	for {
		p.mu.Lock()
		next, ok := p.backlog.next(frame[:0])
		over := p.ending && p.backlog.len() == 0
		p.mu.Unlock()
		switch {
		case ok:
			if err := c.writeAs(kind, next); err != nil {
				return err
			}
			if frame = next; cap(frame) > 4*mostBatchBytes {
				frame = nil
			}
			continue
		case over:
			return nil
		}
		select {
		case <-p.wake:
		case err := <-ended:
			ended <- err
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// readAnswers passes answers on until the connection ends.
func (p *Producer) readAnswers(c *conn) error {
	if p.client.options.Avro {
		return p.readAvroAnswers(c)
	}
	var answers []codec.Answer
	for {
		message, err := c.read()
		if err != nil {
			return err
		}
		var isBatch bool
		if answers, isBatch, err = codec.DecodeAnswers(message, answers[:0]); err != nil {
			return errUnasked
		}
		switch {
		case !isBatch && c.last == nil && answers[0].Refusal != nil:
			c.last = refused(answers[0].Refusal)
		case !isBatch || c.last != nil || !p.take(answers):
			return errUnasked
		}
	}
}

// readAvroAnswers is readAnswers where each message has an answer of its own. An error that names no message is about the connection.
func (p *Producer) readAvroAnswers(c *conn) error {
	for {
		message, err := c.read()
		if err != nil {
			return err
		}
		answers := make([]codec.Answer, 1)
		if c.isBinary {
			answers[0], err = codec.DecodeAvroAnswer(message)
		} else {
			var told control
			if told, err = parseControl(message); err == nil && told.Error != nil && told.MessageID == "" && c.last == nil {
				c.last = told.err()
				continue
			}
			if told.Error != nil {
				answers[0].Refusal = &codec.Refusal{Code: told.Error.Code, Message: told.Error.Message, Retriable: told.Error.Retriable}
			}
		}
		isAnswer := c.isBinary || answers[0].Refusal != nil
		if err != nil || !isAnswer || c.last != nil || !p.take(answers) {
			return errUnasked
		}
	}
}

// take passes the answers to the oldest frame on.
func (p *Producer) take(answers []codec.Answer) (ok bool) {
	p.mu.Lock()
	var group []entry
	if ok = p.backlog.awaits(len(answers)); ok {
		group = p.backlog.pop()
	}
	p.mu.Unlock()
	p.settle(group, func(i int) (Ack, error) {
		if r := answers[i].Refusal; r != nil {
			return Ack{}, refused(r)
		}
		a := answers[i].Ack
		return Ack{Partition: a.Partition, Offset: a.Offset, Timestamp: a.Timestamp}, nil
	})
	return ok
}

// errUnasked is the error for an answer to nothing, which no proxy sends.
var errUnasked = &Error{
	Code: proxy.KindInvalidMessage.String(), Message: "the proxy has answered what it was not asked", Close: int(proxy.CloseProtocolError),
}

func refused(r *codec.Refusal) *Error {
	return &Error{Code: r.Code, Message: r.Message, Retriable: r.Retriable}
}
