package workload

import (
	"context"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// Worker takes records of a queue and settles them, on consecutive connections, and has each message answered.
type Worker struct {
	Client
	Rand   *rand.Rand
	Group  string
	Window int
	Work   time.Duration // the longest time that it works at most records
	Lock   time.Duration // of a record: some it works at for longer
	Slow   time.Duration // between two messages read
	Keeps  bool          // it settles nothing
	// Tries is how often a calm worker fails at a record before it rejects it; 0 means that it accepts all.
	Tries int
	// Committed means that the group has committed records only, if this worker is the first one of it.
	Committed bool
	Pongs     Pongs
	Life      time.Duration // of a connection
	Ending    func(*rand.Rand) Ending
	// Calm ends with the time of faults: then it accepts all at once, and its connection stays.
	Calm context.Context //nolint:containedctx // it is not what Run ends with
}

// Run works until ctx ends. Then it closes the connection.
func (w *Worker) Run(ctx context.Context) {
	parameters := url.Values{"groupId": {w.Group}, "window": {strconv.Itoa(w.Window)}, "confirm": {"true"}}
	if w.Committed {
		parameters.Set("isolationLevel", "read_committed")
	}
	for ctx.Err() == nil {
		opened := history.Event{Kind: history.QueueOpen, ID: w.ClientID, Group: w.Group, Limit: w.Window}
		s, err := w.open(ctx, "/socket/queue", opened, parameters)
		if err == nil {
			w.serve(ctx, s)
		}
		if !Pause(ctx, time.Duration(w.Rand.Int64N(int64(reconnectMax)))) {
			return
		}
	}
}

// serve works until the connection ends, or its life is over.
func (w *Worker) serve(ctx context.Context, s *session) {
	c := newWorking(s, w, rand.New(rand.NewPCG(w.Rand.Uint64(), 0)))
	go s.read(c.take, func() {
		if w.Slow > 0 {
			Pause(s.stopped, w.Slow)
		}
	}, w.Pongs)
	life := w.Life
	if w.isCalm() {
		life = time.Hour
	}
	c.work(life)
	ending := w.Ending(w.Rand)
	if ctx.Err() != nil {
		ending = CloseAtOnce
	}
	s.end(ctx, ending, w.Rand)
}

func (w *Worker) isCalm() bool { return w.Calm.Err() != nil }

// step is something that a worker does with a record.
type step struct {
	verb  string
	after time.Duration // the step before, or the delivery
}

// steps chooses what becomes of a record that is delivered for the count-th time.
func (w *Worker) steps(r *rand.Rand, count int) []step {
	switch {
	case w.Keeps:
		return nil
	case w.isCalm() && w.Tries == 0:
		return []step{{verb: "accept"}}
	case w.isCalm() && count < w.Tries:
		return []step{{verb: "release"}}
	case w.isCalm():
		return []step{{verb: "reject"}}
	}
	work := upTo(r, w.Work)
	switch n := r.IntN(100); {
	case n < 62:
		return []step{{"accept", work}}
	case n < 74:
		return []step{{"release", work}}
	case n < 80:
		return []step{{"reject", work}}
	case n < 88:
		return []step{{"renew", upTo(r, w.Lock/2)}, {"accept", upTo(r, w.Lock)}}
	case n < 97: // about when the lock ends
		return []step{{"accept", w.Lock*8/10 + upTo(r, w.Lock/2)}}
	default:
		return nil // until the connection ends, or the lock
	}
}

func upTo(r *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(r.Int64N(max(1, int64(most))))
}
