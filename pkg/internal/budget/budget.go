package budget

import (
	"container/heap"
	"errors"
	"fmt"
	"math"
	"sync"
)

// Kind says what memory is held for.
type Kind uint8

// The kinds of memory.
const (
	// Receiving is for messages that are being read from clients.
	Receiving Kind = iota
	// Producing is for messages that Kafka has not acknowledged, or whose answer is not written.
	Producing
	// Consuming is for records that were fetched and that their clients have not been sent.
	Consuming
	// Writing is for frames that are written to sockets, and the buffers that are kept for them.
	// It is charged only.
	Writing
	// Tailing is for the frames of live reading that are kept for all who have yet to read them. It is charged only.
	Tailing
	kinds
)

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{Receiving, Producing, Consuming, Writing, Tailing} }

// String returns the kind's name in metrics.
func (k Kind) String() string {
	return [kinds]string{"receiving", "producing", "consuming", "writing", "tailing"}[k]
}

const (
	// floorShare is the divisor of the part of the budget that is reserved for each kind that waits.
	floorShare = 8
	// New connections are refused beyond fullTenths tenths.
	fullTenths = 9
)

// ErrGivenUp is what Acquire returns when its connection ended before there was room.
var ErrGivenUp = errors.New("the connection ended while it waited for the memory budget")

// Budget is a budget of bytes. A nil *Budget has no limit and counts nothing. It is safe for
// concurrent use.
type Budget struct {
	size   int64 // fixed after construction, as floors and shared; 0 is no limit
	floors [kinds]int64
	shared int64 // what is not reserved for a kind

	mu      sync.Mutex // guards what follows
	held    [kinds]int64
	waiting [kinds]queue
	came    uint64 // how many have waited so far
}

// New returns an empty budget. A Budget of size 0 has no limit and only counts.
func New(size int64) *Budget {
	b := &Budget{size: size, shared: size}
	for _, k := range []Kind{Receiving, Producing, Consuming} {
		b.floors[k] = size / floorShare
		b.shared -= b.floors[k]
	}
	return b
}

// Size returns the budget in bytes, 0 where there is no limit.
func (b *Budget) Size() int64 { return b.size }

func (b *Budget) isUnlimited() bool { return b == nil || b.size == 0 }

// Acquire takes bytes of a kind, and waits while there is no room. It returns ErrGivenUp if done is
// closed while it waits; what fits at once is taken without checking done.
func (b *Budget) Acquire(done <-chan struct{}, k Kind, bytes int64) error {
	if b == nil {
		return nil
	}
	return b.acquire(done, &Account{budget: b, kind: k}, bytes)
}

func (b *Budget) acquire(done <-chan struct{}, of *Account, bytes int64) error {
	w := b.takeOrQueue(of, bytes)
	if w == nil {
		return nil
	}
	select {
	case <-w.admitted:
		return nil
	case <-done:
		return b.giveUp(w)
	}
}

// take takes bytes for an account if there is room and nobody who waits is before it. b.mu is held.
func (b *Budget) take(of *Account, bytes int64) bool {
	if first := b.waiting[of.kind].first(); first != nil && first.of.held <= of.held || !b.fits(of, bytes) {
		return false
	}
	b.hold(of, bytes)
	return true
}

func (b *Budget) hold(of *Account, bytes int64) {
	b.held[of.kind] += bytes
	of.held += bytes
}

// takeOrQueue takes bytes for an account if there is room. Otherwise it returns a waiter.
func (b *Budget) takeOrQueue(of *Account, bytes int64) *waiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.take(of, bytes) {
		return nil
	}
	b.came++
	of.waits = &waiter{of: of, bytes: bytes, turn: b.came, admitted: make(chan struct{})}
	heap.Push(&b.waiting[of.kind], of.waits)
	return of.waits
}

// giveUp takes a waiter out of its queue. Waiters behind it may fit although it did not.
func (b *Budget) giveUp(w *waiter) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-w.admitted:
		b.hold(w.of, -w.bytes)
	default:
		heap.Remove(&b.waiting[w.of.kind], w.at)
	}
	w.of.waits = nil
	b.admit()
	return ErrGivenUp
}

// Charge counts bytes that are held already, whether or not there is room.
func (b *Budget) Charge(k Kind, bytes int64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held[k] += bytes
}

// Release gives back what was acquired or charged, in any portions. It panics if that is more than is
// held: a wrong count would stay wrong.
func (b *Budget) Release(k Kind, bytes int64) {
	if b == nil || bytes == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.release(k, bytes)
	b.admit()
}

// release gives back. b.mu is held.
func (b *Budget) release(k Kind, bytes int64) {
	if bytes < 0 || bytes > b.held[k] {
		panic(fmt.Sprintf("budget: %d bytes of kind %s released, only %d are held", bytes, k, b.held[k]))
	}
	b.held[k] -= bytes
}

// admit admits the waiters that fit: of the first one of each kind, the earliest first. b.mu is held.
func (b *Budget) admit() {
	for w := b.next(); w != nil; w = b.next() {
		heap.Pop(&b.waiting[w.of.kind])
		w.of.waits = nil
		b.hold(w.of, w.bytes)
		close(w.admitted)
	}
}

// next returns the waiter whose turn it is, or nil. b.mu is held.
func (b *Budget) next() (next *waiter) {
	for _, k := range Kinds() {
		if w := b.waiting[k].first(); w != nil && b.fits(w.of, w.bytes) && (next == nil || w.turn < next.turn) {
			next = w
		}
	}
	return next
}

// fits tells whether there is room for more of an account. b.mu is held.
func (b *Budget) fits(of *Account, bytes int64) bool {
	held := b.held[of.kind]
	if b.size == 0 || held == 0 {
		return true
	}
	left := b.ceiling(of.kind) - held
	return bytes <= left && (of.held == 0 || of.held+bytes <= left)
}

// ceiling is how much of a kind may be held while the others hold what they do. b.mu is held.
func (b *Budget) ceiling(k Kind) int64 {
	left := b.shared
	for other, held := range b.held {
		if Kind(other) != k {
			left -= max(0, held-b.floors[other])
		}
	}
	return b.floors[k] + max(0, left)
}

// Share returns what each of among connections may hold of a kind while the other kinds hold what they
// do. It is advice, and not enforced.
func (b *Budget) Share(k Kind, among int) int64 {
	if b.isUnlimited() {
		return math.MaxInt64
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ceiling(k) / int64(max(1, among))
}

// Held returns how much of a kind is held.
func (b *Budget) Held(k Kind) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[k]
}

// IsFull tells whether a new connection that would hold memory of a kind is to be refused: nine tenths of
// the budget are held, or of what the kind may hold.
func (b *Budget) IsFull(k Kind) bool {
	if b.isUnlimited() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held[k] > b.ceiling(k)/10*fullTenths || b.total() > b.size/10*fullTenths
}

// IsTight tells whether half of the budget is held: buffers that are kept only for reuse are freed then.
func (b *Budget) IsTight() bool {
	if b.isUnlimited() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.total() > b.size/2
}

// total is what is held of all kinds. b.mu is held.
func (b *Budget) total() (bytes int64) {
	for _, held := range b.held {
		bytes += held
	}
	return bytes
}
