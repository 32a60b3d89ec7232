package codec

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// avroReader reads Avro's binary encoding strictly: no number has more bits than its type, a string is UTF-8,
// and no length or count is beyond what the bytes that are left can hold. After a fault it reads nothing more.
//
// The bytes that it returns are slices of data.
type avroReader struct {
	data  []byte
	pos   int    // in data
	fault string // what is wrong at pos, empty while nothing is
}

func (r *avroReader) left() int { return len(r.data) - r.pos }

func (r *avroReader) fail(fault string) {
	if r.fault == "" {
		r.fault = fault
	}
}

// end reports whether all bytes were read without a fault.
func (r *avroReader) end() bool {
	if r.left() > 0 {
		r.fail("more bytes follow its end")
	}
	return r.fault == ""
}

// err returns the fault as an error for the client.
func (r *avroReader) err(schema string) *proxy.Error {
	if len(r.data) == 0 {
		return proxy.Errorf(proxy.KindInvalidMessage, "the message is empty: it must be an %s in Avro", schema)
	}
	return proxy.Errorf(proxy.KindInvalidMessage, "the message is not an %s in Avro: at byte %d, %s", schema, r.pos, r.fault)
}

// long reads a long, or a length or a count, which are encoded like one.
func (r *avroReader) long() int64 {
	n, size := binary.Varint(r.data[r.pos:])
	switch {
	case r.fault != "":
		return 0
	case size == 0 && r.left() < binary.MaxVarintLen64:
		r.fail("it ends inside a number")
		return 0
	case size <= 0:
		r.fail("a number has more than 64 bits")
		return 0
	}
	r.pos += size
	return n
}

// int reads an int, or the number of a branch, which is encoded like one.
func (r *avroReader) int() int32 {
	at := r.pos
	n := r.long()
	if n != int64(int32(n)) || r.pos-at > binary.MaxVarintLen32 {
		r.pos = at
		r.fail("an int, or the number of a branch, has more than 32 bits")
		return 0
	}
	return int32(n)
}

// float and double return the bits, so that NaNs stay what they are.
func (r *avroReader) float() uint32 {
	if !r.has(4) {
		return 0
	}
	r.pos += 4
	return binary.LittleEndian.Uint32(r.data[r.pos-4:])
}

func (r *avroReader) double() uint64 {
	if !r.has(8) {
		return 0
	}
	r.pos += 8
	return binary.LittleEndian.Uint64(r.data[r.pos-8:])
}

func (r *avroReader) has(size int) bool {
	if r.left() < size {
		r.fail("it ends inside a number")
	}
	return r.fault == ""
}

// branch reads which of count branches of a union follows.
func (r *avroReader) branch(count int32) int32 {
	at := r.pos
	n := r.int()
	if n < 0 || n >= count {
		r.pos = at
		r.fail("a union has no branch of that number")
		return 0
	}
	return n
}

func (r *avroReader) bytes() []byte {
	at := r.pos
	size := r.long()
	if size < 0 || size > int64(r.left()) {
		r.pos = at
		r.fail("a length is negative, or beyond the message's end")
	}
	if r.fault != "" {
		return nil
	}
	begin := r.pos
	r.pos += int(size)
	return r.data[begin:r.pos:r.pos]
}

func (r *avroReader) string() []byte {
	at := r.pos
	text := r.bytes()
	if !utf8.Valid(text) {
		r.pos = at
		r.fail("a string is not UTF-8")
	}
	return text
}

// block reads the head of a block of an array whose elements have at least least bytes each.
// The count is 0 after the last block, and at a fault. A block may say how many bytes it has:
// end is where it ends then, else -1.
func (r *avroReader) block(least int) (count, end int) {
	at := r.pos
	n, size := r.long(), int64(-1)
	if n < 0 {
		n = -n // the least int64 stays negative
		size = r.long()
		if size < 0 || size > int64(r.left()) {
			n = -1
		}
	}
	if n < 0 || n > int64(r.left()/least) {
		r.pos = at
		r.fail("an array has a count or a size that is beyond the message's end")
	}
	if r.fault != "" {
		return 0, -1
	}
	if size < 0 {
		return int(n), -1
	}
	return int(n), r.pos + int(size)
}

// blockEnd checks that a block has ended where its head says.
func (r *avroReader) blockEnd(end int) {
	if end >= 0 && end != r.pos {
		r.fail("an array's block has not the size that it says")
	}
}
