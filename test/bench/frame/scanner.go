package frame

import "fmt"

// most is the longest payload that a Scanner takes, in bytes.
const most = 16 << 20

// Scanner finds the frames of a server in what comes from it piece by piece. Between two pieces it keeps
// what has come of a frame, and nothing where pieces end with one. The zero value is ready.
type Scanner struct {
	rest []byte
}

// Scan calls each with every frame that is whole with this piece. Payloads are valid until each returns. Its
// error ends the scan, and is returned.
func (s *Scanner) Scan(piece []byte, each func(op byte, payload []byte) error) error {
	if len(s.rest) > 0 {
		s.rest = append(s.rest, piece...)
		piece = s.rest
	}
	left, err := scan(piece, each)
	if err != nil {
		return err
	}
	s.keep(left)
	return nil
}

// scan returns what is left behind the last whole frame.
func scan(data []byte, each func(op byte, payload []byte) error) ([]byte, error) {
	for len(data) >= 2 && len(data) >= headLength(data[1]) {
		h, err := parse(data)
		if err != nil {
			return nil, err
		}
		if h.payload > most {
			return nil, fmt.Errorf("a frame of %d bytes is not expected", h.payload)
		}
		end := h.length + int(h.payload)
		if len(data) < end {
			return data, nil
		}
		if err := each(h.op, data[h.length:end]); err != nil {
			return nil, err
		}
		data = data[end:]
	}
	return data, nil
}

// keep copies what is left, which may lie in rest itself. Memory is given back where nothing is left.
func (s *Scanner) keep(left []byte) {
	if len(left) == 0 {
		s.rest = nil
		return
	}
	s.rest = append(s.rest[:0], left...)
}
