package deflate

import (
	"encoding/binary"
	"math/bits"
)

// Bounds of a repetition that DEFLATE can express.
const (
	shortestMatch = 3
	longestMatch  = 258
)

// fixedBlock writes a block with the fixed Huffman codes of RFC 1951, section 3.2.6. Short messages are
// shorter with them than with codes of their own, which would have to be sent first.
type fixedBlock struct {
	out     []byte
	pending uint64 // bits that are not in out yet, the lowest first
	n       uint   // how many they are, less than 32
}

// begin writes the header of a block that has no BFINAL bit, behind what out has.
func (b *fixedBlock) begin(out []byte) {
	b.out, b.pending, b.n = out, 0, 0
	b.put(0b010, 3)
}

// end ends the block, and writes an empty block without compression up to the octets that a sender leaves
// out: its three bits, and padding.
func (b *fixedBlock) end() []byte {
	b.put(0, 7+3)
	for ; b.n > 0; b.n -= min(b.n, 8) {
		b.out = append(b.out, byte(b.pending))
		b.pending >>= 8
	}
	out := b.out
	b.out = nil // it is the caller's
	return out
}

func (b *fixedBlock) literals(text []byte) {
	for _, c := range text {
		if c < 144 {
			b.put(uint64(bits.Reverse8(0x30+c)), 8)
		} else {
			b.put(uint64(bits.Reverse8(c))<<1|1, 9) // 0x190 and more
		}
	}
}

// match writes that length bytes, at least 3, repeat those that stand distance bytes before, 1 to 32768. A
// long one takes several codes.
func (b *fixedBlock) match(length, distance int) {
	for length > longestMatch {
		part := min(longestMatch, length-shortestMatch)
		b.match(part, distance)
		length -= part
	}
	b.length(uint(length))
	b.distance(uint(distance))
}

func (b *fixedBlock) length(length uint) {
	if length == longestMatch {
		b.put(uint64(bits.Reverse8(0xc0+5)), 8) // symbol 285
		return
	}
	symbol, extra, width := bucket(length-shortestMatch, 2)
	if symbol++; symbol < 24 { // 257 to 279
		b.put(uint64(bits.Reverse8(uint8(symbol<<1)))|extra<<7, 7+width)
	} else {
		b.put(uint64(bits.Reverse8(uint8(0xc0+symbol-24)))|extra<<8, 8+width)
	}
}

func (b *fixedBlock) distance(distance uint) {
	symbol, extra, width := bucket(distance-1, 1)
	b.put(uint64(bits.Reverse8(uint8(symbol<<3)))|extra<<5, 5+width)
}

// bucket returns the symbol of a value, and its extra bits and how many they are. DEFLATE has 2^steps
// symbols for each power of two, and the first ones stand for one value each: RFC 1951, section 3.2.5.
func bucket(value, steps uint) (symbol uint, extra uint64, width uint) {
	if value < 2<<steps {
		return value, 0, 0
	}
	width = uint(bits.Len(value)) - 1 - steps
	return width<<steps + value>>width, uint64(value & (1<<width - 1)), width
}

// put writes the lowest n bits of v, at most 32. The rest of v is zero.
func (b *fixedBlock) put(v uint64, n uint) {
	b.pending |= v << b.n
	if b.n += n; b.n >= 32 {
		b.out = binary.LittleEndian.AppendUint32(b.out, uint32(b.pending))
		b.pending >>= 32
		b.n -= 32
	}
}
