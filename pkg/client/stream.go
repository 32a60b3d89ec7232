package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// defaultBuffer is how many records the proxy may send before the loop has taken them.
const defaultBuffer = 256

// frame is what a connection has delivered: a record, or another message. Exactly one of its fields is set.
type frame struct {
	record  *codec.Delivered
	control []byte // JSON
}

// stream reads a connection ahead of who takes its frames, so that pings are answered while that one is busy. Credit bounds how
// far ahead: the proxy sends no more records than were granted.
type stream struct {
	conn    *conn
	frames  chan frame
	read    sync.WaitGroup // the reader
	stopped chan struct{}  // closed when nobody takes frames anymore
	err     error          // why the connection has ended; the reader's until frames is closed

	control func(message []byte) (taken bool)   // the reader calls it for each message that is no record
	record  func(record *codec.Delivered) error // the reader calls it for each record, in place of passing that on; nil passes it on
	ended   func()                              // the reader calls it when it has ended; nil does nothing

	key, value proxy.Format // that were asked for

	grants  bool // whether the endpoint has credit
	buffer  int
	pending int // records taken since the last grant; of who takes
}

// streamOptions say what a stream has. control may take messages that are no records, so that these are not among the frames. record, where it
// is not nil, takes all records; its error ends the connection. ended may be nil, too.
type streamOptions struct {
	buffer     int
	grants     bool
	key, value proxy.Format // that were asked for
	control    func(message []byte) (taken bool)
	record     func(record *codec.Delivered) error
	ended      func()
}

// newStream begins to read.
func newStream(c *conn, o streamOptions) *stream {
	s := &stream{
		conn: c, frames: make(chan frame, o.buffer), stopped: make(chan struct{}), control: o.control, record: o.record, ended: o.ended,
		buffer: o.buffer, grants: o.grants, key: o.key, value: o.value,
	}
	s.read.Go(s.readAll)
	return s
}

func (s *stream) readAll() {
	defer close(s.frames)
	if s.ended != nil {
		defer s.ended()
	}
	var decoder codec.RecordDecoder
	for {
		message, err := s.conn.read()
		if err != nil {
			s.err = err
			return
		}
		f := frame{record: new(codec.Delivered)}
		is, fault := s.decode(&decoder, message, f.record)
		if fault != nil {
			s.err = &Error{
				Code: fault.Kind.String(), Message: "the proxy has sent what this client does not know: " + fault.Message, Close: int(proxy.CloseProtocolError),
			}
			return
		}
		if !is {
			if s.control(message) {
				continue
			}
			s.note(message)
			f = frame{control: bytes.Clone(message)}
		}
		if is && s.record != nil {
			if s.err = s.record(f.record); s.err != nil {
				return
			}
			continue
		}
		s.pass(f)
	}
}

// pass passes a frame on. Where nobody takes frames anymore, the reader reads on until the connection has ended, so that the close is answered.
func (s *stream) pass(f frame) {
	select {
	case s.frames <- f: // there is room mostly, and this is cheaper than a wait for two things
	default:
		select {
		case s.frames <- f:
		case <-s.stopped:
		}
	}
}

// decode reads a message, and tells whether it is a record.
func (s *stream) decode(d *codec.RecordDecoder, message []byte, into *codec.Delivered) (is bool, fault *proxy.Error) {
	if s.conn.isBinary {
		return true, d.DecodeAvro(message, s.key, s.value, into)
	}
	return d.Decode(message, into)
}

// note remembers an error frame that may tell why the connection is about to end.
func (s *stream) note(message []byte) {
	if isError(message) {
		if c, err := parseControl(message); err == nil {
			s.conn.last = c.err()
		}
	}
}

// next returns the next frame. due, which may be nil, interrupts a wait for it.
func (s *stream) next(ctx context.Context, due <-chan time.Time) (f frame, interrupted bool, err error) {
	if ctx.Err() == nil { // there is a frame mostly, and this is cheaper than a wait for three things
		select {
		case f, ok := <-s.frames:
			return s.came(f, ok)
		default:
		}
	}
	select {
	case f, ok := <-s.frames:
		return s.came(f, ok)
	case <-due:
		return f, true, nil
	case <-ctx.Done():
		return f, false, context.Cause(ctx)
	}
}

func (s *stream) came(f frame, ok bool) (_ frame, interrupted bool, err error) {
	if !ok {
		return f, false, s.err
	}
	return f, false, nil
}

// taken grants the proxy another record for one that was dealt with.
func (s *stream) taken() error {
	if !s.grants {
		return nil
	}
	if s.pending++; s.pending < (s.buffer+1)/2 {
		return nil
	}
	grant := fmt.Appendf(nil, `{"credit":%d}`, s.pending)
	s.pending = 0
	return s.conn.write(grant)
}

// reason returns why a connection has ended on which something has failed. After a write that is what the reader says: the close code that
// came before may tell that another connection is in vain. Frames that were not taken are dropped then.
func (s *stream) reason(err error) error {
	if _, ok := errors.AsType[*writeError](err); !ok {
		return err
	}
	s.conn.end(err)
	for range s.frames { // until the reader has ended
	}
	return s.err
}

// leave ends the connection with a close frame.
func (s *stream) leave() {
	close(s.stopped)
	s.conn.close()
	s.read.Wait()
}

// abandon ends the connection at once.
func (s *stream) abandon() {
	close(s.stopped)
	s.conn.cut()
	s.read.Wait()
}

// errLeft is how a use of a connection tells that the loop was left.
var errLeft = errors.New("the loop was left")
