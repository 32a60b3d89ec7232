package session

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

var (
	modelSeeds = flag.Int("seeds", 10, "random histories that the short model test runs")
	modelFirst = flag.Uint64("first", 1, "seed of the first of them")
	modelTrace = flag.Bool("trace", false, "print what happens")
)

// TestModel runs random histories of replicas over a log. A history is reproduced with
//
//	go test ./pkg/internal/session -run TestModel -first SEED -seeds 1 -trace
func TestModel(t *testing.T) {
	runHistories(t, *modelSeeds)
}

func TestLongModel(t *testing.T) {
	runHistories(t, 100)
}

// runHistories runs n histories, and asserts after every step the invariants of the package's
// documentation.
func runHistories(t *testing.T, n int) {
	t.Helper()
	var total tally
	for seed := *modelFirst; seed < *modelFirst+uint64(n); seed++ {
		w := newModel(t, seed)
		w.run()
		total.add(w.tally)
		if t.Failed() {
			t.Fatalf("seed %d failed", seed)
		}
	}
	t.Logf("%+v", total)
	if n >= 100 && (total.Admitted == 0 || total.Refused == 0 || total.TakenOver == 0 || total.Lapses == 0 || total.Compactions == 0 || total.Late == 0 ||
		total.Restarts == 0 || total.Remade == 0 || total.Lost == 0 || total.Clocks == 0 || total.Reports == 0) {
		t.Errorf("the histories did not reach everything: %+v", total)
	}
}

// tally counts the events of the histories.
type tally struct {
	Steps, Records, Admitted, Refused, TakenOver, Lapses, NewRuns, Crashes, Outages, Compactions, Late,
	Restarts, Remade, Lost, Clocks, Reports int
}

func (t *tally) add(u tally) {
	t.Steps += u.Steps
	t.Records += u.Records
	t.Admitted += u.Admitted
	t.Refused += u.Refused
	t.TakenOver += u.TakenOver
	t.Lapses += u.Lapses
	t.NewRuns += u.NewRuns
	t.Crashes += u.Crashes
	t.Outages += u.Outages
	t.Compactions += u.Compactions
	t.Late += u.Late
	t.Restarts += u.Restarts
	t.Remade += u.Remade
	t.Lost += u.Lost
	t.Clocks += u.Clocks
	t.Reports += u.Reports
}

const (
	modelLease = 15 * time.Second // the longest
	modelStep  = modelLease / 75
	handshake  = 5 * time.Second
	// compareEvery is the number of records after which the views are compared, which takes time.
	compareEvery = 5
)

// modelRecord is a record in the log.
type modelRecord struct {
	offset  int64
	at      time.Time // by the leader's clock
	written time.Time
	key     string
	value   []byte
}

// model is a world of replicas, clients and one broker.
type model struct {
	t     *testing.T
	seed  uint64
	rand  *rand.Rand
	now   time.Time
	began time.Time
	tally tally

	log      []modelRecord // the records that compaction has left
	end      int64
	frontier int64         // offsets below it were compacted
	skew     time.Duration // of the leader's clock

	brokerUp  bool
	upAgainAt time.Time
	downFor   time.Duration // total duration of all outages so far

	truth   *fold
	digests map[int64]string // by the offset of the next record

	replicas []*modelReplica
	started  int
	conns    []*modelConn
	isCalm   bool
	dead     []*modelReplica // processes whose slots are to become free
	just     map[string]bool // lapses that follow a suspicion that holds, by key
}

// modelReplica is a process, or a crashed one that still has records in flight.
type modelReplica struct {
	*replica
	w        *model
	server   string
	next     int64 // offset
	outgoing []outgoing
	lag      time.Duration // of reads
	stopped  bool          // as by SIGSTOP
	until    time.Time     // end of the stop
	remade   bool          // the topic was made again since it last read
	lossy    time.Time     // until when its writes may be lost
	crashed  bool
	diedAt   time.Time
	downThen time.Duration // the value of downFor when it died
	grace    time.Time     // until when no replica could notice that
	excuse   time.Time     // when it was last stopped or cut off for long
	ids      []string      // ids of its runs
	limit    int
}

type outgoing struct {
	record   Record
	sent     time.Time
	due      time.Time
	answered func(error) // nil but for the last record of a write
}

// modelConn is a client's connection, or its attempt to get one.
type modelConn struct {
	replica *modelReplica
	attempt *attempt
	began   time.Time
	admits  bool
	over    bool
	dead    bool // it answers no ping
	request Request
	bare    time.Time // when it began to be open without a claim, while nothing hindered its replica
}

func (c *modelConn) Alive(_ time.Duration, answer func(bool)) {
	if c.dead {
		c.lose()
		answer(false)
		return
	}
	answer(true)
}

func (c *modelConn) Lose(*proxy.Error) { c.lose() }

func (c *modelConn) lose() {
	if !c.over {
		c.over = true
		c.replica.release(c.attempt)
	}
}

func newModel(t *testing.T, seed uint64) *model {
	t.Helper()
	w := &model{
		t: t, seed: seed, rand: rand.New(rand.NewPCG(seed, 6)), now: time.UnixMilli(1_700_000_000_000), brokerUp: true,
		digests: map[int64]string{0: ""}, just: make(map[string]bool),
	}
	w.began = w.now
	w.truth = newFold()
	for range 1 + w.rand.IntN(4) {
		w.start()
	}
	return w
}

func (w *model) trace(format string, args ...any) {
	if *modelTrace {
		w.t.Logf("%9.3f %s", w.now.Sub(w.began).Seconds(), fmt.Sprintf(format, args...))
	}
}

func (w *model) violated(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("seed %d at %.3f s: %s", w.seed, w.now.Sub(w.began).Seconds(), fmt.Sprintf(format, args...))
}

// start runs a new process. It reads the compacted log.
func (w *model) start() {
	w.started++
	p := &modelReplica{w: w, server: fmt.Sprintf("pod-%d", w.started), limit: w.rand.IntN(4)}
	p.lag = time.Duration(w.rand.IntN(4)) * modelStep / 2
	n := 0
	newRun := func() string {
		n++
		id := fmt.Sprintf("%s-%d", p.server, n)
		p.ids = append(p.ids, id)
		return id
	}
	p.replica = newReplica(Settings{Server: p.server, Lease: modelLease / time.Duration(1+w.rand.IntN(3)), ProbeTimeout: 2 * time.Second}, newRun, p.send, func(outcome string) {
		if outcome == OutcomeTakeover || outcome == OutcomeEvicted {
			w.tally.TakenOver++
		}
	})
	w.replicas = append(w.replicas, p)
	w.trace("%s starts", p.server)
}

// send queues records for the broker. They arrive in order, some much later.
func (p *modelReplica) send(records []Record, answered func(error)) {
	due := p.w.now.Add(time.Duration(p.w.rand.IntN(100)) * time.Millisecond)
	if n := len(p.outgoing); n > 0 && due.Before(p.outgoing[n-1].due) {
		due = p.outgoing[n-1].due
	}
	for i, r := range records {
		o := outgoing{record: r, sent: p.w.now, due: due}
		if i == len(records)-1 {
			o.answered = answered
		}
		p.outgoing = append(p.outgoing, o)
	}
}

// answer reports the result of a write.
func (p *modelReplica) answer(o outgoing, err error) {
	if o.answered != nil && !p.crashed {
		o.answered(err)
	}
}

// run runs the model for some minutes with faults, then without, and checks that it recovers in the
// end.
func (w *model) run() {
	for range 600 + w.rand.IntN(1200) {
		if w.t.Failed() {
			return
		}
		w.fault()
		w.client()
		w.step()
	}
	w.calm()
}

// step advances time by a step.
func (w *model) step() {
	w.tally.Steps++
	w.now = w.now.Add(modelStep)
	if !w.brokerUp {
		w.downFor += modelStep
		if !w.now.Before(w.upAgainAt) {
			w.brokerUp = true
			w.trace("the broker is back")
		}
	}
	if len(w.replicas) == 0 {
		w.start()
	}
	w.deliver()
	for _, p := range w.replicas {
		p.step()
	}
	w.timeouts()
	w.check()
}

// deliver appends the records that are due to the log.
func (w *model) deliver() {
	if !w.brokerUp {
		for _, p := range w.replicas {
			p.giveUp()
		}
		return
	}
	order := w.rand.Perm(len(w.replicas))
	for _, i := range order {
		p := w.replicas[i]
		for len(p.outgoing) > 0 && !p.outgoing[0].due.After(w.now) && (!p.stopped || w.rand.IntN(50) == 0) {
			if w.now.Before(p.lossy) && w.rand.IntN(2) == 0 {
				p.lose()
				continue
			}
			o := p.outgoing[0]
			p.outgoing = p.outgoing[1:]
			w.append(p, o)
			if p.crashed || p.stopped {
				w.tally.Late++
			}
		}
	}
	w.replicas = slices.DeleteFunc(w.replicas, func(p *modelReplica) bool { return p.crashed && len(p.outgoing) == 0 })
}

// giveUp drops records that a process has tried to send for too long: when the broker is back, the
// process determines again which records to write.
func (p *modelReplica) giveUp() {
	for len(p.outgoing) > 0 && !p.stopped && p.w.now.Sub(p.outgoing[0].sent) > handshake {
		p.answer(p.outgoing[0], errOutage)
		p.outgoing = p.outgoing[1:]
	}
}

// lose loses the next write of a process while the broker is up. Now and then Kafka has acknowledged it.
func (p *modelReplica) lose() {
	p.w.tally.Lost++
	err := errOutage
	if p.w.rand.IntN(4) == 0 {
		err = nil
	}
	for len(p.outgoing) > 0 {
		o := p.outgoing[0]
		p.outgoing = p.outgoing[1:]
		p.w.trace("lost: %s", o.record.Key)
		if o.answered != nil {
			p.answer(o, err)
			return
		}
	}
}

var errOutage = errors.New("the broker is gone")

func (w *model) append(p *modelReplica, o outgoing) {
	r := modelRecord{offset: w.end, at: w.now.Add(w.skew), written: w.now, key: o.record.Key, value: o.record.Value}
	w.end++
	w.tally.Records++
	w.log = append(w.log, r)
	w.trace("%5d %s %s", r.offset, r.key, r.value)
	had := w.truth.claims[strings.TrimPrefix(r.key, claimKey)]
	var was standing
	if had != nil {
		was = had.standing
	}
	v := w.truth.apply(readLog(r.offset, r.at, r.key, r.value))
	if w.end%compareEvery == 0 {
		w.digests[w.end] = digest(w.truth)
	}
	w.checkTruth()
	if c, ok := v.(*claim); ok && c.State == admitted {
		w.checkAdmission(strings.TrimPrefix(r.key, claimKey), was, c)
	}
	w.checkSuspicion(r.key, v)
	p.answer(o, nil)
}

// step lets a process read, and then tick.
func (p *modelReplica) step() {
	w := p.w
	if p.crashed {
		return
	}
	if p.stopped {
		p.excuse = w.now
		if w.now.Before(p.until) {
			return
		}
		p.stopped = false
		w.trace("%s goes on", p.server)
	}
	if w.now.Before(p.lossy) {
		p.excuse = w.now
	}
	if p.remade {
		p.remade, p.next = false, 0
		p.restart()
	}
	if w.brokerUp {
		p.readOn()
	} else if w.now.Sub(p.beatAcked) > p.settings.Lease && !p.caughtUp {
		p.excuse = w.now
	}
	p.tick(w.now)
	if !w.isCalm {
		p.askOthers()
	}
}

// readOn reads the records that have been in the log for the process's lag, now and then twice.
func (p *modelReplica) readOn() {
	w := p.w
	from := p.next
	if w.rand.IntN(20) == 0 {
		from -= int64(w.rand.IntN(5))
	}
	i, _ := slices.BinarySearchFunc(w.log, from, func(r modelRecord, offset int64) int { return int(r.offset - offset) })
	for ; i < len(w.log); i++ {
		r := w.log[i]
		if p.caughtUp && w.now.Sub(r.written) < p.lag {
			break
		}
		p.read(w.now, readLog(r.offset, r.at, r.key, r.value))
		p.next = max(p.next, r.offset+1)
		if p.caughtUp && p.next > w.frontier && p.next%compareEvery == 0 {
			p.compare()
		}
	}
	if !p.caughtUp && p.next >= w.end {
		p.readToEnd(w.now)
	}
}

// compare compares a process's view with that of the whole log.
func (p *modelReplica) compare() {
	if got, want := digest(p.fold), p.w.digests[p.next]; got != want {
		p.w.violated("%s has read to %d and sees\n%s, should see\n%s", p.server, p.next, got, want)
	}
}

// digest returns the state on which replicas must agree.
func digest(f *fold) string {
	var lines []string
	for _, e := range f.holders {
		lines = append(lines, fmt.Sprintf("%v %s %d", e.identity(), e.id, e.standing))
	}
	for _, e := range f.successors {
		lines = append(lines, fmt.Sprintf("%v %s successor", e.identity(), e.id))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
