package feed

// Compressor compresses frames for all who are sent them. It is safe for concurrent use.
type Compressor interface {
	// Text returns what of a frame is compressed, and nothing for a frame that is not to be.
	Text(frame []byte) []byte
	// AppendCompressed appends a frame with its text compressed, as one that may repeat before. It may become longer.
	AppendCompressed(dst, before, frame []byte) []byte
	// Reach is how many bytes of before are used at most.
	Reach() int
}

// form is how the frame of a record is sent compressed, as far as somebody has needed that.
type form struct {
	state     formState
	isUseless bool  // whether alone is as long as the frame
	text      int32 // bytes of the frame's text, once that is measured
	before    int32 // bytes of the text before it that following may repeat
	following piece
	alone     piece // repeats nothing
}

// lacks tells whether what was chosen is still to be made.
func (f *form) lacks(what choice) bool { return what == unknown || what == alone && !f.alone.isMade() }

// formBytes is about what a form takes besides its bytes.
const formBytes = 32

// formState is what is known of a frame.
type formState uint8

const (
	isUnknown  formState = iota
	isMeasured           // it is long enough to be compressed
	isPlain              // it is no text: all are sent it as it is
	isText               // it is part of the text, and following is made
)

// piece is where a form lies in what a chunk has of compressed frames. It is not made where that is empty.
type piece struct{ begin, end int32 }

func (p piece) isMade() bool { return p.end > p.begin }

// form returns what is known of how a record is sent compressed.
func (c *chunk) form(record int) form {
	if record < len(c.forms) {
		return c.forms[record]
	}
	return form{}
}

// keep adds forms of the records from one on, whose bytes follow those that the chunk has.
func (c *chunk) keep(record int, forms []form, compressed []byte) (grown int64) {
	before := c.size()
	c.compressed = append(c.compressed, compressed...)
	for len(c.forms) < record+len(forms) {
		c.forms = append(c.forms, form{})
	}
	copy(c.forms[record:], forms)
	return c.size() - before
}

// size is how many bytes a chunk holds.
func (c *chunk) size() int64 {
	return int64(len(c.frames) + c.keyBytes + len(c.compressed) + formBytes*len(c.forms))
}
