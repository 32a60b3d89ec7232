package deflate

import "io"

// tail is what a sender leaves out at the end of each message, the end of an empty block without
// compression: RFC 7692, section 7.2.1.
const tail = "\x00\x00\xff\xff"

// ending is tail with an empty block that has the BFINAL bit behind it, by which a flate reader sees that
// the message ends between two blocks. A block of the payload that has the BFINAL bit itself can be made to
// reach exactly to the end of these octets, which are text then. That harms nobody but who sends it.
const ending = tail + "\x01\x00\x00\xff\xff"

// source reads a payload with the ending behind it, and copies neither. It is an io.ByteReader, so that a
// flate reader takes no byte more than it needs.
type source struct {
	payload []byte // what is left of it
	ending  string // what is left of it
}

func (s *source) reset(payload []byte) { s.payload, s.ending = payload, ending }

// empty tells whether everything is read.
func (s *source) empty() bool { return len(s.payload) == 0 && s.ending == "" }

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if len(s.payload) > 0 {
		n := copy(p, s.payload)
		s.payload = s.payload[n:]
		return n, nil
	}
	if s.ending == "" {
		return 0, io.EOF
	}
	n := copy(p, s.ending)
	s.ending = s.ending[n:]
	return n, nil
}

// ReadByte implements io.ByteReader.
func (s *source) ReadByte() (byte, error) {
	if len(s.payload) > 0 {
		c := s.payload[0]
		s.payload = s.payload[1:]
		return c, nil
	}
	if s.ending == "" {
		return 0, io.EOF
	}
	c := s.ending[0]
	s.ending = s.ending[1:]
	return c, nil
}
