package share

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

var histories = flag.Int("histories", 300, "random histories of the ledger")

// TestTheLedgerKeepsItsPromisesInRandomHistories drives a ledger against a modelled Kafka. Workers come, settle, renew, are slow
// and leave; answers are lost, leaders move, other members take records, and time passes.
func TestTheLedgerKeepsItsPromisesInRandomHistories(t *testing.T) {
	for seed := range *histories {
		w := newWorld(uint64(seed))
		err := w.live(400)
		if err == nil {
			err = w.finish()
		}
		if err != nil {
			t.Fatalf("history %d: %v, after\n%s", seed, err, strings.Join(w.story[max(0, len(w.story)-100):], "\n"))
		}
	}
}

// world is a modelled Kafka with two brokers, and a member with the workers of a test.
type world struct {
	random  *rand.Rand
	now     time.Time
	kafka   *modelKafka
	ledger  *ledger
	sources [2]*source
	flights [2]*flight
	workers []*modelWorker
	holder  map[proxy.Position]*modelWorker
	lost    map[int]bool // deliveries that a worker was told to have lost
	upsets  int          // workers that have left, and acknowledgements that have failed: places are missing then
	calm    bool         // nothing fails anymore
	failure error
	story   []string
}

// note writes down what happens.
func (w *world) note(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

// modelWorker is a worker, and what it knows.
type modelWorker struct {
	*Worker
	uncertain map[proxy.Position]bool // it was told that an acknowledgement has failed, and does not hold the record anymore
	passed    []proxy.Delivery        // it was passed these, and not delivered yet
	has       map[proxy.Position]int  // the deliveries that it was delivered and has not lost
	seen      []proxy.Position
	calls     []modelCall // that have no results yet
	gone      bool
}

// modelCall is an acknowledgement on deliveries.
type modelCall struct {
	acknowledgement proxy.Acknowledgement
	deliveries      map[proxy.Position]int
}

// isTold tells whether the worker can take the news that it has lost a record.
func (one *modelWorker) isTold(position proxy.Position) bool {
	for i := range one.events {
		if one.events[i].expired == position {
			return true
		}
	}
	return false
}

// flight is a request under way.
type flight struct {
	tell   *batch
	grant  grant
	sentAt time.Time
	upsets int  // those before
	at     bool // Kafka has answered
	errs   map[partitionID]error
	got    map[partitionID][]acquired
}

func newWorld(seed uint64) *world {
	w := &world{
		random: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1e9, 0), ledger: newLedger(blind{}, nil),
		holder: make(map[proxy.Position]*modelWorker), lost: make(map[int]bool),
	}
	w.kafka = &modelKafka{settled: make(map[int]proxy.Acknowledgement), told: w.settledAtKafka}
	for i := range w.sources {
		w.sources[i] = newSource(int32(i), func() {})
	}
	for i := range int32(3) {
		w.kafka.logs = append(w.kafka.logs, &modelLog{id: partitionID{partition: i}, leader: w.random.IntN(2), epoch: 1})
	}
	return w
}

// settledAtKafka is called when Kafka settles a delivery.
func (w *world) settledAtKafka(delivery int, acknowledgement proxy.Acknowledgement) {
	if w.lost[delivery] && acknowledgement != proxy.Release {
		w.fail("delivery %d is settled by %s after its worker was told to have lost it", delivery, acknowledgement)
	}
}

func (w *world) fail(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf(format, args...)
	}
}

// live lets random things happen.
func (w *world) live(steps int) error {
	w.steer()
	for range steps {
		w.step()
		w.check()
		if w.failure != nil {
			return w.failure
		}
	}
	return nil
}

func (w *world) step() {
	switch n := w.random.IntN(100); {
	case n < 10:
		w.write()
	case n < 15:
		w.open()
	case n < 17:
		w.leave()
	case n < 40:
		w.takeSome()
	case n < 55:
		w.settleSome()
	case n < 90:
		w.fly(w.random.IntN(2))
	case n < 93:
		w.pass(time.Duration(w.random.IntN(4000)) * time.Millisecond)
	case n < 94:
		w.cut(w.random.IntN(2))
	case n < 95:
		w.move()
	case n < 97:
		w.steer()
	default:
		w.compete()
	}
}

func (w *world) write() {
	log := w.kafka.logs[w.random.IntN(3)]
	for range 1 + w.random.IntN(4) {
		log.records = append(log.records, &modelRecord{})
	}
}

func (w *world) open() {
	if w.alive() > 4 {
		return
	}
	one := &modelWorker{Worker: newWorker(1+w.random.IntN(4), nil, func(*Worker) {}), has: make(map[proxy.Position]int), uncertain: make(map[proxy.Position]bool)}
	w.ledger.add(one.Worker, [16]byte{}, "t")
	w.workers = append(w.workers, one)
}

func (w *world) alive() (n int) {
	for _, one := range w.workers {
		if !one.gone {
			n++
		}
	}
	return n
}

// any returns a worker that has not left, or nil.
func (w *world) any() *modelWorker {
	for range 10 {
		if len(w.workers) > 0 {
			if one := w.workers[w.random.IntN(len(w.workers))]; !one.gone {
				return one
			}
		}
	}
	return nil
}

func (w *world) leave() {
	if one := w.any(); one != nil && w.alive() > 1 {
		w.close(one)
	}
}

func (w *world) close(one *modelWorker) {
	one.gone = true
	w.upsets++
	w.ledger.remove(one.Worker)
	for position := range one.has {
		delete(w.holder, position)
	}
}

func (w *world) takeSome() {
	if one := w.any(); one != nil {
		w.take(one)
	}
}

// take delivers what the worker was passed before, takes one event, and compares it with what the worker knows. Records are
// delivered at once, or some of them later.
func (w *world) take(one *modelWorker) bool {
	w.deliver(one, len(one.passed))
	e, ok, err := one.next()
	if err != nil {
		w.fail("take: %w", err)
	}
	one.passed = e.Deliveries
	w.deliver(one, w.random.IntN(len(one.passed)+1))
	for _, position := range e.Expired {
		w.note("%p loses %v", one, position)
		if _, has := one.has[position]; !has && !one.uncertain[position] {
			w.fail("%s expires at a worker that does not hold it", position)
		}
		w.lose(one, position)
	}
	if e.Settlement != nil {
		w.settled(one, e.Settlement)
	}
	return ok
}

func (w *world) deliver(one *modelWorker, n int) {
	for i := range n {
		if one.Deliver() {
			w.delivered(one, &one.passed[i])
		}
	}
	one.passed = one.passed[n:]
}

func (w *world) delivered(one *modelWorker, d *proxy.Delivery) {
	w.note("%p takes %d-%d, delivery %s", one, d.Partition, d.Offset, d.Value)
	position := proxy.Position{Topic: "t", Partition: d.Partition, Offset: d.Offset, Timestamp: d.Timestamp}
	if other := w.holder[position]; other != nil && !other.isSettling(position) && !other.isTold(position) {
		w.fail("%s is delivered while a worker holds it", position)
	}
	delivery, _ := strconv.Atoi(string(d.Value))
	w.holder[position], one.has[position] = one, delivery
	one.seen = append(one.seen, position)
}

// isSettling tells whether the worker has given an acknowledgement on a record that it has, by which it does not hold it anymore.
func (one *modelWorker) isSettling(position proxy.Position) bool {
	for _, c := range one.calls {
		if delivery, is := c.deliveries[position]; is && c.acknowledgement != proxy.Renew && delivery == one.has[position] {
			return true
		}
	}
	return false
}

func (w *world) lose(one *modelWorker, position proxy.Position) {
	w.lost[one.has[position]] = true
	w.drop(one, position)
}

func (w *world) drop(one *modelWorker, position proxy.Position) {
	if w.holder[position] == one {
		delete(w.holder, position)
	}
	delete(one.has, position)
}

// settleSome has a worker give an acknowledgement on some of the records that it has ever seen.
func (w *world) settleSome() {
	one := w.any()
	if one == nil || len(one.seen) == 0 {
		return
	}
	var some []proxy.Position
	for range 1 + w.random.IntN(3) {
		some = append(some, one.seen[w.random.IntN(len(one.seen))])
	}
	for position := range one.has {
		if w.random.IntN(2) == 0 {
			some = append(some, position)
		}
	}
	w.settle(one, proxy.Acknowledgement(1+w.random.IntN(4)), some)
}

func (w *world) settle(one *modelWorker, acknowledgement proxy.Acknowledgement, some []proxy.Position) {
	deliveries := make(map[proxy.Position]int)
	w.note("%p says %s of %v", one, acknowledgement, some)
	for _, position := range some {
		deliveries[position] = one.has[position]
	}
	one.calls = append(one.calls, modelCall{acknowledgement, deliveries})
	if done, err := one.settle(acknowledgement, some, w.now); err != nil || !done {
		w.fail("settle: %v, %w", done, err)
	}
}

// settled compares results with what Kafka has done.
func (w *world) settled(one *modelWorker, s *proxy.Settlement) {
	deliveries := one.calls[0].deliveries
	one.calls = one.calls[1:]
	for _, r := range s.Results {
		w.note("%p is told %d of %s of %v", one, r.Result, s.Acknowledgement, r.Position)
		delivery, known := deliveries[r.Position]
		acknowledgement := w.kafka.settled[delivery]
		switch {
		case !known:
			w.fail("a settlement comes out of turn")
		case r.Result == proxy.SettleDone && (delivery == 0 || acknowledgement != s.Acknowledgement):
			w.fail("%s of %s is told to be done, and Kafka has done %s", s.Acknowledgement, r.Position, acknowledgement)
		case r.Result == proxy.SettleExpired && (acknowledgement == proxy.Accept || acknowledgement == proxy.Reject) && delivery != 0:
			w.fail("%s of %s is told to be lost, and Kafka has done %s", s.Acknowledgement, r.Position, acknowledgement)
		case r.Result == proxy.SettleRenewed && delivery == 0:
			w.fail("%s is renewed for a worker that does not hold it", r.Position)
		}
		if delivery == 0 || one.has[r.Position] != delivery {
			continue
		}
		switch r.Result {
		case proxy.SettleDone:
			w.drop(one, r.Position)
		case proxy.SettleExpired:
			w.lose(one, r.Position)
		case proxy.SettleFailed:
			if h := one.holdAt(r.Position); h == nil {
				one.uncertain[r.Position] = true
				w.drop(one, r.Position)
			}
		}
	}
}

// fly sends a request, or has it reach Kafka, or its answer the member.
func (w *world) fly(broker int) {
	f := w.flights[broker]
	switch {
	case f == nil:
		w.send(broker)
	case !f.at:
		if !w.calm && w.random.IntN(8) == 0 { // locks of some that the request is about end on its way
			w.pass(time.Duration(w.random.IntN(8000)) * time.Millisecond)
		}
		w.reach(broker, f)
	default:
		w.answer(broker, f)
	}
}

func (w *world) send(broker int) {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	s := w.sources[broker]
	f := &flight{sentAt: w.now, upsets: w.upsets, tell: w.ledger.collect(s, w.now)}
	if !f.tell.renews {
		f.grant, _ = w.ledger.reserve(s, f.tell.all, w.now)
	}
	if len(f.tell.all) > 0 || f.grant.records > 0 {
		w.flights[broker] = f
	}
}

func (w *world) reach(broker int, f *flight) {
	f.at, f.errs = true, make(map[partitionID]error)
	w.kafka.expire(w.now)
	for id, holds := range f.tell.partitions {
		asks := make(map[int64]ack)
		for _, h := range holds {
			if !h.over { // what is over is not known by its ask anymore
				asks[h.offset] = h.ask.ack
			}
		}
		if !w.calm && w.random.IntN(20) == 0 {
			f.errs[id] = errors.New("later")
			continue
		}
		f.errs[id] = w.kafka.acknowledge(broker, id, asks, w.now)
	}
	var wanted []partitionID
	for _, p := range f.grant.partitions {
		wanted = append(wanted, p.id)
	}
	f.got = w.kafka.acquire(broker, wanted, f.grant.records, w.now)
}

func (w *world) answer(broker int, f *flight) {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	w.flights[broker] = nil
	s := w.sources[broker]
	for id, err := range f.errs {
		if err != nil {
			w.upsets++
		}
		w.note("broker %d answers %v about %d", broker, err, id.partition)
		w.ledger.answered(f.tell, id, err, modelLock, w.now)
		if isLoss(err) {
			w.ledger.leave(s, id, true)
		}
	}
	for id, all := range f.got {
		if p := w.ledger.partition(id, s); p.source == s {
			w.ledger.deal(p, all, f.sentAt.Add(modelLock), w.now)
			w.wantPlaces(p, all, f.upsets == w.upsets)
		}
	}
	w.ledger.giveUp(s, f.grant)
}

// wantPlaces wants all records to have been dealt to workers.
func (w *world) wantPlaces(p *partition, all []acquired, placed bool) {
	for i := range all {
		if placed && all[i].record != nil && p.held[all[i].offset].worker == nil {
			w.fail("record %d of partition %d was acquired, and nobody has room", all[i].offset, p.id.partition)
		}
	}
}

// cut closes a connection: Kafka takes back what was acquired through it, and the answer under way is lost.
func (w *world) cut(broker int) {
	w.note("the connection to broker %d is cut", broker)
	w.kafka.takeBack(broker)
	if f := w.flights[broker]; f != nil {
		w.flights[broker] = nil
		w.ledger.mu.Lock()
		w.ledger.giveUp(w.sources[broker], f.grant)
		w.ledger.mu.Unlock()
	}
	w.ledger.loseAll(w.sources[broker])
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.note("%v pass", d)
	w.now = w.now.Add(d)
	w.kafka.expire(w.now)
	w.ledger.expire(w.now)
}

// steer finds the leaders.
func (w *world) steer() {
	wanted, leads := make(map[partitionID]string), make(map[partitionID]lead)
	for _, log := range w.kafka.logs {
		wanted[log.id], leads[log.id] = "t", lead{w.sources[log.leader], log.epoch}
		log.moved = false
	}
	w.ledger.lead(wanted, leads)
}

// move has another broker lead a log. That it moves back before anybody notices is left out: Kafka would confirm acknowledgements on
// records then that others have settled.
func (w *world) move() {
	if log := w.kafka.logs[w.random.IntN(3)]; !log.moved {
		w.kafka.move(log)
	}
}

// compete has another member take a record, and accept it or keep it.
func (w *world) compete() {
	for _, log := range w.kafka.logs {
		for _, r := range log.records {
			if !r.acquired && !r.done {
				w.kafka.deliveries++
				r.acquired, r.ours, r.until, r.delivery = true, false, w.now.Add(modelLock), w.kafka.deliveries
				r.done = w.random.IntN(2) == 0
				return
			}
		}
	}
}

// finish has all records settled, and all workers leave. It is an error if that does not come to an end.
func (w *world) finish() error {
	w.calm = true
	w.open()
	for i := range 3000 {
		if w.failure != nil {
			return w.failure
		}
		if w.kafka.isDone() {
			break
		}
		if i%10 == 0 {
			w.steer()
		}
		w.round(func(one *modelWorker) {
			for position := range one.has {
				if !one.isSettling(position) {
					w.settle(one, proxy.Accept, []proxy.Position{position})
				}
			}
		})
		if i == 2999 {
			return errors.New("some records are never settled")
		}
	}
	for _, one := range w.workers {
		if !one.gone {
			w.close(one)
		}
	}
	for range 50 {
		w.round(func(*modelWorker) {})
	}
	return w.isEmpty()
}

// round does what is to be done, once.
func (w *world) round(work func(*modelWorker)) {
	for range 3 {
		w.fly(0)
		w.fly(1)
	}
	for _, one := range w.workers {
		for n, more := 0, !one.gone; more; n++ {
			if n > 10_000 {
				w.fail("a worker is told something without end")
				return
			}
			more = w.take(one)
			work(one)
		}
	}
	w.pass(20 * time.Millisecond)
	w.check()
}

// isEmpty returns an error if something is left.
func (w *world) isEmpty() error {
	for _, p := range w.ledger.partitions {
		if len(p.held) > 0 {
			return fmt.Errorf("%d records are held, and there are no workers", len(p.held))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for i, one := range w.workers {
		select {
		case <-one.done:
		case <-ctx.Done():
			if one.leaving > 0 {
				return fmt.Errorf("worker %d waits for its records to be given back", i)
			}
		}
	}
	return w.failure
}

// check compares the ledger with its invariants.
func (w *world) check() {
	l := w.ledger
	holds := make(map[*Worker]int)
	for _, p := range l.partitions {
		for offset, h := range p.held {
			switch {
			case h.over || h.offset != offset || h.partition != p:
				w.fail("a hold is in a wrong place")
			case h.worker == nil && !h.ask.ack.settles() && (h.ask.ack != renew || !h.next.ack.settles()):
				w.fail("%v is held, and no worker holds it", h.position())
			case h.expiry < 0 && !h.sent && w.now.Before(h.until):
				w.fail("%v does not expire", h.position())
			}
			if h.worker != nil {
				holds[h.worker]++
			}
		}
	}
	for _, one := range w.workers {
		if holds[one.Worker] != one.holds || one.holds > one.window || one.gone && one.holds > 0 {
			w.fail("a worker of window %d holds %d records, %d are counted", one.window, holds[one.Worker], one.holds)
		}
		if ranked := one.ranked >= 0; ranked != (!one.gone && one.holds < one.window) {
			w.fail("a worker that holds %d of %d is ranked: %v", one.holds, one.window, ranked)
		}
	}
	reserved := 0
	for _, f := range w.flights {
		if f != nil {
			reserved += f.grant.records
		}
	}
	for _, t := range l.topics {
		if t.reserved != reserved {
			w.fail("%d places are reserved, requests under way are for %d", t.reserved, reserved)
		}
	}
}
