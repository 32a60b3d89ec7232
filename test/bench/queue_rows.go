package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// measureFlow has many workers work on records that wait for them.
func (q *queues) measureFlow(ctx context.Context) error {
	topic, err := q.topic(ctx, queuePartitions, q.options.records)
	if err != nil {
		return err
	}
	return q.withProxy(ctx, func(p *proxyProcess) error {
		workers, err := openWorkers(ctx, workersOf(p, topic, queueWindow), 0, q.options.scaled(queueWorkers, 1))
		if err != nil {
			return err
		}
		return workAll(workers, func() error { return q.measureSettled(ctx, p) })
	})
}

// measureSettled counts what is settled in a while, behind a moment in which the flow gets going.
func (q *queues) measureSettled(ctx context.Context, p *proxyProcess) error {
	if err := sleep(ctx, min(2*time.Second, q.window/2)); err != nil {
		return err
	}
	before, err := readSettling(ctx, p)
	if err != nil {
		return err
	}
	profiled := make(chan error, 1)
	go func() { profiled <- q.profileFlow(ctx, p) }()
	if err := sleep(ctx, q.window); err != nil {
		return errors.Join(err, <-profiled)
	}
	after, err := readSettling(ctx, p)
	if err = errors.Join(err, <-profiled); err != nil {
		return err
	}
	settled := after.settled - before.settled
	if settled == 0 {
		return errors.New("nothing was settled")
	}
	q.add(settledRate, settled/after.at.Sub(before.at).Seconds())
	q.add(settledCPU, 1e6*(after.cpu-before.cpu)/settled)
	return nil
}

func (q *queues) profileFlow(ctx context.Context, p *proxyProcess) error {
	if q.options.profiles == "" {
		return nil
	}
	seconds := max(1, int(q.window.Seconds())-1)
	return p.save(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%d", seconds), filepath.Join(q.options.profiles, "queue-profile.pprof"))
}

// settlingNow is what a proxy has settled, and used, by a moment.
type settlingNow struct {
	settled, cpu float64
	at           time.Time
}

func readSettling(ctx context.Context, p *proxyProcess) (s settlingNow, err error) {
	err = p.metrics(ctx, func(body io.Reader) error {
		lines := bufio.NewScanner(body)
		for lines.Scan() {
			if value, is := strings.CutPrefix(lines.Text(), settleMetric+" "); is {
				s.settled, err = strconv.ParseFloat(value, 64)
			}
		}
		return errors.Join(err, lines.Err())
	})
	if err != nil {
		return s, fmt.Errorf("reading what was settled: %w", err)
	}
	s.at = time.Now()
	used, err := readProcess(p.cmd.Process.Pid)
	s.cpu = used.cpu
	return s, err
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// measureLone has one worker get lone records, each when the one before is settled.
func (q *queues) measureLone(ctx context.Context) error {
	topic, err := q.topic(ctx, 1, 0)
	if err != nil {
		return err
	}
	return q.withProxy(ctx, func(p *proxyProcess) error {
		workers, err := openWorkers(ctx, workersOf(p, topic, 1), 0, 1)
		if err != nil {
			return err
		}
		defer workers[0].cut()
		client, err := rawProducer(q.broker.addr, topic, kgo.ProducerLinger(0))
		if err != nil {
			return err
		}
		defer client.Close()
		var took []float64
		for n := range q.options.scaled(queueLone, 3) {
			began := time.Now()
			var failed failure
			client.Produce(ctx, q.data.record(n, q.data.values), failed.promise)
			id, err := workers[0].record()
			if err != nil {
				return err
			}
			took = append(took, 1000*time.Since(began).Seconds())
			if err := errors.Join(workers[0].accept([]byte(`"`+string(id)+`"`)), failed.flush(ctx, client), sleep(ctx, 30*time.Millisecond)); err != nil {
				return err
			}
		}
		q.add(inHand, median(took, func(v float64) float64 { return v }))
		return nil
	})
}

// measureReset has a worker end by RST with records in hand, and another one wait.
func (q *queues) measureReset(ctx context.Context) error {
	topic, err := q.topic(ctx, queuePartitions, queueWindow)
	if err != nil {
		return err
	}
	return q.withProxy(ctx, func(p *proxyProcess) error {
		first, other, err := q.holdAndWait(ctx, topic, p, p)
		if err != nil {
			return err
		}
		defer other.cut()
		began := time.Now()
		if err := first.reset(); err != nil {
			return err
		}
		took, err := other.await(queueWindow, began)
		q.add(afterReset, took.Seconds())
		return err
	})
}

// holdAndWait opens a worker that takes all records of a topic, and another one that waits.
func (q *queues) holdAndWait(ctx context.Context, topic string, holding, waiting *proxyProcess) (first, other queueWorker, err error) {
	one, err := openWorkers(ctx, workersOf(holding, topic, queueWindow), 0, 1)
	if err != nil {
		return first, other, err
	}
	if err := one[0].take(queueWindow); err != nil {
		return first, other, err
	}
	two, err := openWorkers(ctx, workersOf(waiting, topic, queueWindow), 1, 1)
	if err != nil {
		return first, other, err
	}
	return one[0], two[0], sleep(ctx, time.Second)
}

// measureKilled has a replica killed whose worker holds records, and a worker wait at another replica.
func (q *queues) measureKilled(ctx context.Context) error {
	topic, err := q.topic(ctx, queuePartitions, queueWindow)
	if err != nil {
		return err
	}
	killed, err := q.program.start(ctx, q.broker.addr, io.Discard)
	if err != nil {
		return err
	}
	defer func() { _ = killed.stop() }() // it was killed
	return q.withProxy(ctx, func(p *proxyProcess) error {
		first, other, err := q.holdAndWait(ctx, topic, killed, p)
		if err != nil {
			return err
		}
		defer first.cut()
		defer other.cut()
		began := time.Now()
		if err := killed.cmd.Process.Kill(); err != nil {
			return fmt.Errorf("killing a replica: %w", err)
		}
		took, err := other.await(queueWindow, began)
		q.add(afterKill, took.Seconds())
		return err
	})
}

// measureIdleWorkers measures the memory of workers to which nothing comes.
func (q *queues) measureIdleWorkers(ctx context.Context) error {
	topic, err := q.topic(ctx, queuePartitions, 0)
	if err != nil {
		return err
	}
	return q.withProxy(ctx, func(p *proxyProcess) error {
		early, err := openWorkers(ctx, workersOf(p, topic, queueWindow), 0, q.options.scaled(earlySockets, 1))
		if err != nil {
			return err
		}
		count := q.options.scaled(queueIdle, 1)
		return workAll(early, func() error {
			before, err := p.footprint(ctx, sleep, q.options.idle)
			if err != nil {
				return err
			}
			workers, err := openWorkers(ctx, workersOf(p, topic, queueWindow), len(early), count)
			if err != nil {
				return err
			}
			return workAll(workers, func() error {
				after, err := p.footprint(ctx, sleep, q.options.idle)
				q.add(idleWorker, after.per(count, before).resident/kibi)
				return err
			})
		})
	})
}
