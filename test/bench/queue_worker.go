package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/frame"
)

// queuePath is where workers connect.
const queuePath = "/socket/queue"

var idMember = []byte(`{"wsProxyMessageId":"`)

// queueWorker is a client of /socket/queue.
type queueWorker struct{ *link }

// workersOf returns what workers of a group are opened to.
func workersOf(p *proxyProcess, topic string, window int) target {
	query := url.Values{"topic": {topic}, "groupId": {topic}, "window": {strconv.Itoa(window)}}
	return target{endpoint: endpoint{addr: p.main}, path: queuePath, query: query, op: frame.Text, buffer: idleBuffer, life: 2 * roundTimeout}
}

// openWorkers opens workers whose clientIds begin with a number.
func openWorkers(ctx context.Context, to target, first, count int) (all []queueWorker, err error) {
	links, err := openAll(ctx, count, func(i int) target { return to.withClient(first + i) })
	for _, l := range links {
		all = append(all, queueWorker{l})
	}
	return all, err
}

// record returns the id of the next record, valid until the next call.
func (w queueWorker) record() ([]byte, error) {
	message, err := w.next()
	if err != nil {
		return nil, err
	}
	rest, is := bytes.CutPrefix(message, idMember)
	id, _, ends := bytes.Cut(rest, []byte{'"'})
	if !is || !ends {
		return nil, fmt.Errorf("the proxy sent %s", message)
	}
	return id, nil
}

// take takes so many records and leaves them unsettled.
func (w queueWorker) take(count int) error {
	for range count {
		if _, err := w.record(); err != nil {
			return err
		}
	}
	return nil
}

func (w queueWorker) accept(ids []byte) error {
	message := append(append([]byte(`{"accept":[`), ids...), `]}`...)
	if _, err := w.conn.Write(frame.Append(nil, frame.Text, message)); err != nil {
		return fmt.Errorf("accepting records: %w", err)
	}
	return nil
}

// work accepts all records, those together that have come together, until the link is cut.
func (w queueWorker) work() error {
	var ids []byte
	for {
		id, err := w.record()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(ids) > 0 {
			ids = append(ids, ',')
		}
		ids = append(append(append(ids, '"'), id...), '"')
		if w.in.Buffered() > 0 {
			continue
		}
		if err := w.accept(ids); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		ids = ids[:0]
	}
}

// workAll has workers work while f runs.
func workAll(workers []queueWorker, f func() error) error {
	var working sync.WaitGroup
	failures := make(chan error, len(workers))
	for _, w := range workers {
		working.Go(func() { failures <- w.work() })
	}
	err := f()
	for _, w := range workers {
		w.cut()
	}
	working.Wait()
	close(failures)
	for failed := range failures {
		err = errors.Join(err, failed)
	}
	return err
}

// reset ends the connection by RST.
func (w queueWorker) reset() error {
	if tcp, is := w.conn.(*net.TCPConn); is {
		if err := tcp.SetLinger(0); err != nil {
			return fmt.Errorf("resetting a worker: %w", err)
		}
	}
	w.cut()
	return nil
}

// await returns when so many records have come since began, and how long that took.
func (w queueWorker) await(count int, began time.Time) (time.Duration, error) {
	err := w.take(count)
	return time.Since(began), err
}
