// Command worker works on the records of a queue, several at the same time.
//
//	go run ./test/examples/worker 'ws://localhost:8078/socket/queue?topic=jobs&groupId=workers'
//
// A record is a job in JSON, such as {"job":17,"seconds":0.5}: write work anew for yours.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

const (
	window = 8 // records at the same time
	tries  = 3 // fewer than the group's share.delivery.count.limit: Kafka counts deliveries to workers that died, too
)

// record is what the proxy sends: a record, an error, or the ids of records that are lost.
type record struct {
	ID    string `json:"wsProxyMessageId"`
	Value struct {
		Value json.RawMessage
		Error json.RawMessage
	}
	Delivery *struct{ Count int }
	Expired  []string
	Error    json.RawMessage
}

var (
	errPoison = errors.New("it is no job") // nobody will ever succeed with this record
	errFailed = errors.New("it has failed")
)

// work does what a record asks for. ctx ends when another worker may have the record.
func work(ctx context.Context, r record) error {
	var job struct {
		Job            *int
		Seconds, Fails float64
	}
	if r.Value.Error != nil || json.Unmarshal(r.Value.Value, &job) != nil || job.Job == nil {
		return errPoison
	}
	if err := pause(ctx, time.Duration(job.Seconds*float64(time.Second))); err != nil {
		return err
	}
	if float64(r.Delivery.Count) <= job.Fails {
		return errFailed
	}
	return nil
}

// outcome works on a record, and tells what becomes of it.
func outcome(ctx context.Context, r record) string {
	err := work(ctx, r)
	switch {
	case err == nil:
		return "accept"
	case errors.Is(err, errPoison):
		return "reject"
	}
	fmt.Fprintln(os.Stderr, r.ID, err)
	if r.Delivery.Count >= tries {
		return "reject"
	}
	_ = pause(ctx, jittered(time.Second/2<<r.Delivery.Count)) // what failed just now may fail at once again
	return "release"
}

// connection is a socket and the work on its records. What is not settled at its end goes to other workers.
type connection struct {
	socket *websocket.Conn
	renew  time.Duration
	works  sync.WaitGroup
	served bool // whether a record came

	mu     sync.Mutex
	ending bool
	tasks  map[string]*task // by the id of the record
}

// task is the work on a record.
type task struct{ lose context.CancelFunc }

// read takes what comes until the connection is over.
func (c *connection) read() error {
	ctx, lost := context.WithCancel(context.Background())
	defer c.works.Wait()
	defer lost()
	for {
		_, message, err := c.socket.Read(ctx)
		if err != nil {
			return err
		}
		var r record
		if err := json.Unmarshal(message, &r); err != nil {
			return err
		}
		c.take(ctx, r, message)
	}
}

func (c *connection) take(ctx context.Context, r record, message []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.Delivery != nil && !c.ending:
		c.served = true
		ctx, lose := context.WithCancel(ctx)
		one := &task{lose}
		c.tasks[r.ID] = one
		c.works.Go(func() {
			c.handle(ctx, r)
			c.forget(r.ID, one)
		})
	case r.Expired != nil:
		for _, id := range r.Expired {
			if one := c.tasks[id]; one != nil {
				one.lose()
			}
		}
	case r.Error != nil:
		fmt.Fprintf(os.Stderr, "told %s\n", message)
	}
}

func (c *connection) forget(id string, one *task) {
	one.lose()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tasks[id] == one { // it may have come again
		delete(c.tasks, id)
	}
}

// handle works on a record and settles it, unless it is lost meanwhile.
func (c *connection) handle(ctx context.Context, r record) {
	done := make(chan struct{})
	go c.keep(ctx, r.ID, done)
	acknowledgement := outcome(ctx, r)
	close(done)
	if ctx.Err() == nil {
		fmt.Println(acknowledgement, r.ID, r.Delivery.Count)
		c.send(acknowledgement, r.ID)
	}
}

// keep renews the lock of a record until its work is done.
func (c *connection) keep(ctx context.Context, id string, done <-chan struct{}) {
	for {
		select {
		case <-time.After(c.renew):
			c.send("renew", id)
		case <-done:
			return
		case <-ctx.Done():
			return
		}
	}
}

// send acknowledges a record. Where the connection is over, the record goes to another worker.
func (c *connection) send(acknowledgement, id string) {
	message, _ := json.Marshal(map[string]string{acknowledgement: id})
	_ = c.socket.Write(context.Background(), websocket.MessageText, message)
}

// end closes the connection when all that was begun is done. Records that come meanwhile are given back by that.
func (c *connection) end() {
	c.mu.Lock()
	c.ending = true
	c.mu.Unlock()
	c.works.Wait()
	_ = c.socket.Close(websocket.StatusNormalClosure, "")
}

// serve works over one connection. It tells whether a record came.
func serve(stop context.Context, url string, renew time.Duration) (served bool, err error) {
	socket, _, err := websocket.Dial(stop, url, nil)
	if err != nil {
		return false, err
	}
	defer func() { _ = socket.CloseNow() }()
	socket.SetReadLimit(-1)
	c := &connection{socket: socket, renew: renew, tasks: make(map[string]*task)}
	ended := make(chan struct{})
	undo := context.AfterFunc(stop, func() {
		defer close(ended)
		c.end()
	})
	err = c.read()
	if !undo() {
		<-ended
		return c.served, nil
	}
	return c.served, err
}

// inVain tells whether another try would end like that one.
func inVain(err error) bool {
	code := websocket.CloseStatus(err)
	return slices.Contains([]websocket.StatusCode{1002, 1007, 1008, 1009}, code) || code >= 4400 && code != 4429
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// jittered is up to a time, so that not all workers come at once.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

// run works until SIGTERM. A connection that ends is made anew, unless that would be in vain.
func run(url string, renew time.Duration) error {
	stop, done := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer done()
	url += fmt.Sprintf("&window=%d&valType=json&handshakeErrors=close&clientId=worker-%x", window, rand.Uint64())
	failures := 0
	for stop.Err() == nil {
		served, err := serve(stop, url, renew)
		if inVain(err) {
			return fmt.Errorf("closed: %w", err)
		}
		if failures++; served {
			failures = 0
		}
		_ = pause(stop, jittered(min(30*time.Second, time.Second<<min(failures, 5))))
	}
	return nil
}

func main() {
	renew := 10 * time.Second // a third of the group's share.record.lock.duration.ms
	if text := os.Getenv("RENEW_EVERY"); text != "" {
		renew, _ = time.ParseDuration(text + "s")
	}
	if err := run(os.Args[1], renew); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
