package loadclient

import (
	"bytes"
	"fmt"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/frame"
)

// most is how long the answer to a handshake may be, in bytes.
const most = 16 << 10

// stream is what comes over a socket: the answer to the handshake, and then frames.
type stream struct {
	tally  *tally
	answer []byte // what there is of it; nil when it is over
	opened bool
	frames frame.Scanner
}

// request is the handshake of a socket.
func request(plan Plan, query string) []byte {
	return fmt.Appendf(nil, "GET %s?%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", plan.Path, query, plan.Addr)
}

// take counts a piece. It returns what is to be sent back, if anything. It wants the tally's mu held.
func (s *stream) take(now time.Time, piece []byte) (back []byte, err error) {
	if !s.opened {
		if piece, err = s.open(piece); err != nil {
			return nil, err
		}
	}
	err = s.frames.Scan(piece, func(op byte, payload []byte) error {
		answer, err := s.tally.takeFrame(now, op, payload)
		back = append(back, answer...)
		return err
	})
	return back, err
}

// open reads a piece of the answer to the handshake. It returns what is left behind its end.
func (s *stream) open(piece []byte) ([]byte, error) {
	s.answer = append(s.answer, piece...)
	_, left, whole := bytes.Cut(s.answer, []byte("\r\n\r\n"))
	if !bytes.HasPrefix(s.answer, []byte("HTTP/1.1 101 ")) && (whole || len(s.answer) > most) {
		status, _, _ := bytes.Cut(s.answer, []byte("\r\n"))
		return nil, fmt.Errorf("opening a socket: the proxy answered %.100s: %.300s", status, left)
	}
	if !whole {
		return nil, nil
	}
	s.answer, s.opened = nil, true
	s.tally.report.Opened++
	return left, nil
}
