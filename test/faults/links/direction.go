package links

import (
	"net"
	"sync"
	"time"
)

const (
	// chunkBytes and mostChunks bound what a direction of a connection keeps, and socketBuffer is what the kernel should. What
	// is more stays with the sender, as in TCP, which has little under way, and forgets the rest where it gives up.
	chunkBytes   = 8 << 10
	mostChunks   = 16
	socketBuffer = 64 << 10
)

// direction is one direction of all connections of a link.
type direction struct {
	mu      sync.Mutex // guards what follows
	way     Way
	changed chan struct{} // is closed when way changes
	free    time.Time     // when the line has passed on all that it was given
}

// chunk is bytes under way.
type chunk struct {
	bytes []byte
	read  time.Time
}

func (d *direction) set(way Way) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.way, d.free = way, time.Time{}
	close(d.changed)
	d.changed = make(chan struct{})
}

// pass passes on what from sends, and its end, until either has ended or closed is.
func (d *direction) pass(p *pair, to, from *net.TCPConn, closed <-chan struct{}) {
	chunks := make(chan chunk, mostChunks)
	var reading sync.WaitGroup
	over := make(chan struct{})
	reading.Go(func() { read(from, chunks, over) })
	for c := range chunks {
		if !d.await(c, closed) {
			break
		}
		if _, err := to.Write(c.bytes); err != nil {
			break
		}
	}
	close(over)
	if d.await(chunk{}, closed) && !p.over.Load() { // the end waits as bytes do
		_ = to.CloseWrite()
	}
	if p.abandoned.Load() {
		_ = from.SetReadDeadline(time.Unix(1, 0)) // its end would be told
	} else {
		_ = from.CloseRead()
	}
	reading.Wait()
}

// read reads until the end of the connection or over.
func read(from *net.TCPConn, chunks chan<- chunk, over <-chan struct{}) {
	defer close(chunks)
	for {
		bytes := make([]byte, chunkBytes)
		n, err := from.Read(bytes)
		if n > 0 {
			select {
			case chunks <- chunk{bytes[:n], time.Now()}:
			case <-over:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// await waits until a chunk may arrive, and tells whether the link is not closed.
func (d *direction) await(c chunk, closed <-chan struct{}) bool {
	paid := time.Time{} // when the line is done with the chunk
	for {
		way, changed := d.now()
		if way.Rate > 0 && len(c.bytes) > 0 && paid.IsZero() {
			paid = d.occupy(len(c.bytes), way.Rate)
		}
		due := c.read.Add(way.Delay)
		if way.Rate > 0 && paid.After(due) {
			due = paid
		}
		left := time.Until(due)
		if !way.Held && left <= 0 {
			return true
		}
		if way.Held {
			left = time.Hour // until it changes
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-changed:
			paid = time.Time{}
		case <-closed:
			timer.Stop()
			return false
		}
		timer.Stop()
	}
}

func (d *direction) now() (Way, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.way, d.changed
}

// occupy takes the line for so many bytes, and returns when they have passed.
func (d *direction) occupy(bytes, rate int) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); d.free.Before(now) {
		d.free = now
	}
	d.free = d.free.Add(time.Duration(float64(bytes) / float64(rate) * float64(time.Second)))
	return d.free
}
