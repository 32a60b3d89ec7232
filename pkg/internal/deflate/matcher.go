package deflate

import (
	"encoding/binary"
	"math/bits"
)

const (
	hashBits   = 12
	hashedSize = 4 // bytes that a match has at least

	// mostCandidates is how many earlier positions are tried for a match, the nearest first.
	mostCandidates = 4
	// enough is a length with which the search ends: the next position is not tried for a longer match.
	enough = 32
	// mostText is how many bytes the history and a message have together at most.
	mostText = 4096
	// stride is the distance of positions that are indexed inside of what needs no search. A match that
	// begins between two of them is found at the second, and extended to the left.
	stride = 2
)

// matcher finds repetitions in a text that consists of a history and a short message.
type matcher struct {
	text  []byte                // at most mostText bytes
	heads [1 << hashBits]uint16 // by hash: 1 more than the last position, or 0
	links [mostText]uint16      // by position: 1 more than the position before with the same hash, or 0
}

// match says that the text at a position repeats length bytes that stand distance bytes before.
type match struct{ at, length, distance int }

// load makes history and message the text, and indexes the history.
func (m *matcher) load(history, message []byte) {
	m.text = append(append(m.text[:0], history...), message...)
	clear(m.heads[:])
	m.indexAll(0, len(history))
}

// next finds the first match from a position on. It is not extended to the left. last is the distance of
// the match before, which text of the same structure often has again; it is 0 if there is none. It returns
// false if there is no match up to the end.
func (m *matcher) next(from, last int) (match, bool) {
	for at := from; at+hashedSize <= len(m.text); at++ {
		length, distance := m.find(at, last)
		if length == 0 {
			continue
		}
		found, indexed := match{at, length, distance}, at+1
		if length < enough && at+1+hashedSize <= len(m.text) {
			indexed++
			if length, distance = m.find(at+1, last); length > found.length+1 {
				found = match{at + 1, length, distance}
			}
		}
		m.indexAll(indexed, found.at+found.length)
		return found, true
	}
	return match{}, false
}

// find returns the longest match among the candidates for a position, and indexes it. The length is 0 if
// there is none.
func (m *matcher) find(at, last int) (length, distance int) {
	here := m.load32(at)
	if last > 0 && last <= at && m.load32(at-last) == here {
		length, distance = m.common(at, at-last), last
	}
	next := m.index(at)
	for range mostCandidates {
		if next == 0 || at+length >= len(m.text) {
			break
		}
		candidate := int(next) - 1
		if m.text[candidate+length] == m.text[at+length] && m.load32(candidate) == here {
			if n := m.common(at, candidate); n > length {
				length, distance = n, at-candidate
			}
		}
		next = m.links[candidate]
	}
	return length, distance
}

// common returns how many bytes are the same from two positions on. The first ones are known to be.
func (m *matcher) common(at, before int) int {
	a, b, n := m.text[at:], m.text[before:], hashedSize
	for ; n+8 <= len(a); n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n
}

// indexAll indexes positions from one up to another, which it leaves out.
func (m *matcher) indexAll(from, to int) {
	for at := from; at < min(to, len(m.text)-hashedSize+1); at += stride {
		m.index(at)
	}
}

// index makes a position the first candidate for its hash, and returns the one before.
func (m *matcher) index(at int) uint16 {
	head := &m.heads[m.load32(at)*0x9e3779b1>>(32-hashBits)]
	before := *head
	m.links[at] = before
	*head = uint16(at + 1)
	return before
}

func (m *matcher) load32(at int) uint32 { return binary.LittleEndian.Uint32(m.text[at:]) }
