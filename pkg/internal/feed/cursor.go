package feed

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// Cursor is the place of a tail in all its topics, as clients keep it. It is valid on any replica and grants nothing.
type Cursor []TopicCursor

// TopicCursor is the place in one topic instance.
type TopicCursor struct {
	Topic  string
	ID     [16]byte // of the instance, all zero where the broker tells none
	Places proxy.Places
}

const (
	cursorVersion   = 1
	maxCursorTopics = 16
	// MaxCursor is the longest text of a cursor that is read, in bytes.
	MaxCursor = 1 << 20
)

// errCursor is the error for any text that is no cursor.
var errCursor = errors.New("the cursor is damaged, or of another version")

// String returns the text of the cursor: base64 for URLs of a version, topics and a checksum.
func (c Cursor) String() string {
	b := binary.AppendUvarint([]byte{cursorVersion}, uint64(len(c)))
	for i := range c {
		b = c[i].append(b)
	}
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

func (t *TopicCursor) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(t.Topic)))
	b = append(b, t.Topic...)
	b = append(b, t.ID[:]...)
	b = binary.AppendUvarint(b, uint64(len(t.Places)))
	for _, partition := range t.Places.Partitions() {
		place := t.Places[partition]
		b = binary.AppendUvarint(b, uint64(partition))
		b = binary.AppendVarint(b, place.Offset)
		b = binary.AppendVarint(b, int64(place.Epoch))
	}
	return b
}

// ParseCursor reads the text of a cursor.
func ParseCursor(text string) (Cursor, error) {
	if len(text) > MaxCursor {
		return nil, errCursor
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < 1+crc32.Size || b[0] != cursorVersion {
		return nil, errCursor
	}
	content, sum := b[:len(b)-crc32.Size], b[len(b)-crc32.Size:]
	if binary.BigEndian.Uint32(sum) != crc32.ChecksumIEEE(content) {
		return nil, errCursor
	}
	r := cursorReader{left: content[1:]}
	count := r.count(maxCursorTopics)
	cursor := make(Cursor, 0, count)
	for range count {
		cursor = append(cursor, r.topic())
	}
	if r.bad || len(r.left) > 0 || cursor.String() != text {
		return nil, errCursor
	}
	return cursor, nil
}

// cursorReader reads the content of a cursor. After a fault it reads nothing.
type cursorReader struct {
	left []byte
	bad  bool
}

func (r *cursorReader) topic() TopicCursor {
	const most = 249 // characters of a topic's name
	t := TopicCursor{Topic: string(r.take(r.count(most)))}
	copy(t.ID[:], r.take(len(t.ID)))
	places := r.count(len(r.left))
	t.Places = make(proxy.Places, places)
	for range places {
		partition := r.count(1<<31 - 1)
		t.Places[int32(partition)] = proxy.Place{Offset: r.varint(), Epoch: int32(r.varint())}
	}
	return t
}

func (r *cursorReader) count(most int) int {
	n, size := binary.Uvarint(r.left)
	if r.bad || size <= 0 || n > uint64(most) {
		r.bad = true
		return 0
	}
	r.left = r.left[size:]
	return int(n)
}

func (r *cursorReader) varint() int64 {
	n, size := binary.Varint(r.left)
	if r.bad || size <= 0 {
		r.bad = true
		return 0
	}
	r.left = r.left[size:]
	return n
}

func (r *cursorReader) take(n int) []byte {
	if r.bad || n > len(r.left) {
		r.bad = true
		return nil
	}
	taken := r.left[:n]
	r.left = r.left[n:]
	return taken
}
