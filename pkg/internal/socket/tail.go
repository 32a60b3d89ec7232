package socket

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/metrics"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TailOptions are the parameters of a /socket/tail connection.
type TailOptions struct {
	First   []byte // the first frame's text
	Topics  *TailSet
	Binary  bool // whether records are binary messages
	Batch   bool // whether what is ready at one moment comes as one array; not where Binary
	Longest int  // bytes of an array, 0 for no limit
	Rate    *limit.Rate
	Credit  *Credit
	Cursors time.Duration // between two cursors; 0 for none but the last one
	// Cursor returns the cursor behind what the topics have given. The writer calls it.
	Cursor func() string
	// IsAtEnd tells whether all is given that the connection was to give; nil where it has no end. The writer calls it.
	IsAtEnd func() bool
	// Command takes a message of the client, and returns its answer. The reader calls it.
	Command func(message []byte) (answer []byte)
	// Failed is called once for a topic that gives nothing more. The writer calls it: it must not wait.
	Failed func(feed TailFeed, err error)
}

// tail is the flow of one /socket/tail connection. It implements source.
type tail struct {
	conn      *Conn
	options   TailOptions
	throttled *metrics.Counter
	record    func(frame []byte) (more bool) // addRecord and addControl, made once
	control   func(frame []byte) (more bool)

	// The writer's.
	dst       []byte
	begin     int       // where the write begins in dst
	batch     tailBatch // only where records come as arrays
	ready     time.Time // when the rate allows another record; the zero time where it does, or none waits
	limited   time.Time // since when the rate allows none
	cursor    string    // the last one that was sent, or that the client began with
	cursorDue time.Time // when another one may be sent
	moved     bool      // whether the places may have moved since
	farewell  bool      // whether the last cursor was sent
}

// ServeTail delivers records until the connection is over.
func ServeTail(c *Conn, o TailOptions) {
	f := &tail{conn: c, options: o, throttled: c.metrics.Throttled(metrics.Tail)}
	f.record, f.control = f.addRecord, f.addControl
	f.cursor, f.cursorDue = o.Cursor(), time.Now().Add(o.Cursors)
	c.leaveText(o.First)
	c.pushers.Store(c.settings.Pushers)
	go c.writeLoop(f)
	defer c.finish()
	defer c.endAtPanic()
	f.readLoop()
}

func (f *tail) readLoop() {
	for {
		text, message, err := f.conn.Read()
		if err != nil {
			return
		}
		if answer := f.take(text, message); answer != nil {
			f.conn.SendText(answer)
		}
	}
}

// take carries out a client's message, and returns its answer, nil for none.
func (f *tail) take(text bool, message []byte) (answer []byte) {
	if answer, taken := f.conn.renew(text, message); taken {
		return answer
	}
	if !text && f.options.Binary {
		return codec.AppendError(nil, proxy.Errorf(proxy.KindInvalidMessage, "This is a binary message: commands are text."), "", "")
	}
	if taken, err := f.options.Credit.takeGrant(message); taken {
		f.conn.Wake()
		if err == nil {
			return nil
		}
		return codec.AppendError(nil, err, "", "")
	}
	f.conn.waits()
	defer f.conn.clock.reset()
	return f.options.Command(message)
}

// fill implements source: records, and the cursor behind them where one is due.
func (f *tail) fill(dst []byte) []byte {
	f.dst, f.begin = dst, len(dst)
	if f.conn.open.Err() != nil {
		f.sayFarewell()
		return f.given()
	}
	now := time.Now()
	f.fillFrom(f.options.Topics, now)
	f.batch.end(f)
	f.addCursor(now)
	if f.options.IsAtEnd != nil && f.options.IsAtEnd() {
		f.conn.End(Ending{Code: proxy.CloseNormal, Reason: "This is the end that was asked for."})
		f.sayFarewell()
	}
	return f.given()
}

// fillFrom appends frames of the topics while there is room, of another one first each time.
func (f *tail) fillFrom(s *TailSet, now time.Time) {
	most := f.mostNow(now)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	for i := range s.feeds {
		t := s.feeds[(s.next+i)%len(s.feeds)]
		if n := t.feed.Fill(most, f.record, f.control); n > 0 {
			most -= n
			t.encoded += n
			f.options.Rate.Spend(now, n)
			f.options.Credit.take(n)
		}
		if f.checkFeed(t); !f.hasRoom() {
			return
		}
	}
	if most == 0 {
		f.mostNow(now) // so that due tells when the rate allows more
	}
}

// given returns what fill has made.
func (f *tail) given() []byte {
	dst := f.dst
	f.dst = nil
	return dst
}

// mostNow returns how many records may be sent now.
func (f *tail) mostNow(now time.Time) int {
	most, wait := f.options.Rate.Available(now)
	switch {
	case most > 0:
		f.countThrottled(now)
		f.ready = time.Time{}
	case f.limited.IsZero():
		f.limited = now
		fallthrough
	default:
		f.ready = now.Add(wait)
	}
	return f.options.Credit.of(most)
}

// countThrottled counts how long the rate has allowed nothing.
func (f *tail) countThrottled(now time.Time) {
	if !f.limited.IsZero() {
		f.throttled.Add(now.Sub(f.limited).Seconds())
		f.limited = time.Time{}
	}
}

func (f *tail) checkFeed(t *tailTopic) {
	if t.failed {
		return
	}
	if err := t.feed.Err(); err != nil {
		t.failed = true
		f.options.Failed(t.feed, err)
	}
}

func (f *tail) hasRoom() bool { return len(f.dst) < fillSize }

// addRecord takes the frame of a record.
func (f *tail) addRecord(frame []byte) (more bool) {
	if f.options.Batch {
		f.batch.add(f, payload(frame))
	} else {
		f.dst = append(f.dst, frame...)
	}
	return f.hasRoom()
}

// addControl takes another frame.
func (f *tail) addControl(frame []byte) (more bool) {
	f.batch.end(f)
	f.dst = append(f.dst, frame...)
	return f.hasRoom()
}

// wrote implements source.
func (f *tail) wrote() {
	s := f.options.Topics
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.feeds {
		if t.encoded > 0 {
			t.delivered.Records.Add(float64(t.encoded))
			f.conn.records.Add(int64(t.encoded))
			t.encoded = 0
		}
	}
}

// due implements source.
func (f *tail) due() time.Time {
	at := f.ready
	if f.moved && f.options.Cursors > 0 {
		if due := f.cursorDue.Add(f.options.Cursors / cursorShares); at.IsZero() || due.Before(at) {
			at = due
		}
	}
	return at
}

// midMessage implements source.
func (f *tail) midMessage() bool { return false }

// rest implements source.
func (f *tail) rest() {}

// over implements source: it returns true when the last cursor was sent.
func (f *tail) over(late bool) bool { return late || f.farewell }
