package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kgo"
)

// follower is a client that reads a topic over many connections, each of which goes on where it was.
type follower struct {
	t      *testing.T
	topic  string
	ledger *ledger
	cursor string          // the last, on any connection
	beyond map[int32]int64 // the last records that came after it
	opened int
}

// TestTailsMissNothingOverManyConnections has tails that open, close and resume at random on two replicas, with a
// small ring and a large one, while a producer writes with pauses. Each is given every record once and in order.
func TestTailsMissNothingOverManyConnections(t *testing.T) {
	const tails, partitions, during = 30, 3, 12 * time.Second
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, partitions)
		replicas := []*proxy{k.run(t), k.start(t, "TAIL_BUFFER_BYTES=64KiB")}
		var ends map[int32]int64
		written := make(chan struct{})
		go func() {
			defer close(written)
			ends = k.writeInBursts(t, topic, partitions, during)
		}()
		var group sync.WaitGroup
		for range tails {
			f := &follower{t: t, topic: topic, ledger: newLedger(partitions), beyond: make(map[int32]int64)}
			group.Go(func() {
				if err := f.follow(replicas, written, func() map[int32]int64 { return ends }); err != nil {
					t.Errorf("on connection %d: %v", f.opened, err)
				}
			})
		}
		group.Wait()
		<-written
	})
}

// writeInBursts writes for a time, and returns the ends of the partitions.
func (k *cluster) writeInBursts(t *testing.T, topic string, partitions int, during time.Duration) map[int32]int64 {
	ends := make(map[int32]int64)
	for began := time.Now(); time.Since(began) < during; {
		var batch []*kgo.Record
		for range 1 + rand.N(50) {
			partition := int32(rand.N(partitions))
			batch = append(batch, &kgo.Record{Topic: topic, Partition: partition, Key: fmt.Append(nil, rand.N(10)), Value: make([]byte, rand.N(500))})
		}
		if err := k.client.ProduceSync(t.Context(), batch...).FirstErr(); err != nil {
			t.Error(err)
			return ends
		}
		for _, r := range batch {
			ends[r.Partition] = max(ends[r.Partition], r.Offset+1)
		}
		<-time.After(rand.N(60 * time.Millisecond))
	}
	return ends
}

// follow reads until it has all that was written.
func (f *follower) follow(replicas []*proxy, written <-chan struct{}, ends func() map[int32]int64) error {
	for {
		last := false
		select {
		case <-written:
			last = true
		default:
		}
		conn, err := f.open(replicas[rand.N(len(replicas))])
		if err != nil {
			return err
		}
		if conn == nil { // it is too busy
			<-time.After(lookInterval)
			continue
		}
		var all map[int32]int64
		if last {
			all = ends()
		}
		done, err := f.readSome(conn, all)
		if rand.N(2) == 0 {
			_ = conn.Close(websocket.StatusNormalClosure, "")
		}
		_ = conn.CloseNow()
		if done || err != nil {
			return err
		}
	}
}

// open resumes, or begins at the first record. There is no connection where the replica says that it is too busy.
func (f *follower) open(p *proxy) (*websocket.Conn, error) {
	f.opened++
	parameters := []string{"from=earliest"}
	if f.cursor != "" {
		parameters = []string{"from=cursor:" + f.cursor, "cursors=" + []string{"20", "300", ""}[rand.N(3)]}
		for partition, offset := range f.beyond {
			parameters = append(parameters, fmt.Sprintf("after=%d:%d", partition, offset))
		}
	} else {
		parameters = append(parameters, "cursors=20")
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	conn, res, err := websocket.Dial(ctx, "ws://"+p.addr+tailPath(f.topic, parameters...), &websocket.DialOptions{HTTPClient: httpClient()})
	if res != nil && res.Body != nil {
		defer res.Body.Close()
	}
	if err != nil && res != nil && res.StatusCode == http.StatusServiceUnavailable {
		return nil, nil //nolint:nilnil // said above
	}
	if err != nil {
		return nil, fmt.Errorf("opening: %w", err)
	}
	conn.SetReadLimit(-1)
	return conn, nil
}

// readSome reads for a random time, or, where the ends are known, until all of them have come.
func (f *follower) readSome(conn *websocket.Conn, ends map[int32]int64) (done bool, err error) {
	limit := patience
	if ends == nil {
		limit = rand.N(400 * time.Millisecond)
	}
	if f.cursor == "" { // without one there is no way back
		limit = patience
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), limit)
	defer cancel()
	for ends == nil || !f.ledger.has(ends) {
		if f.cursor != "" && ends == nil && rand.N(200) == 0 {
			return false, nil
		}
		_, message, err := conn.Read(ctx)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && ends == nil && f.cursor != "" {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("reading: %w", err)
		}
		if err := f.note(string(message)); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (f *follower) note(message string) error {
	frame := tailFrameOf(f.t, message)
	switch frame.kind() {
	case "record":
		f.beyond[frame.Partition] = frame.Offset
		return f.ledger.note(&frame)
	case "cursor":
		f.cursor = frame.Cursor
		clear(f.beyond)
		return nil
	case "tail":
		if r := frame.Tail.Resumed; r != nil && !*r {
			return fmt.Errorf("the place is gone: %s", message)
		}
		return nil
	}
	return fmt.Errorf("got %.300s", message)
}

// TestTailsOutliveAKafkaThatIsAway cuts the proxy from Kafka, which others write to meanwhile.
func TestTailsOutliveAKafkaThatIsAway(t *testing.T) {
	const partitions = 3
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, partitions), k.start(t)
		k.produce(t, topic, numbered(0, 30, partitions, 0)...)
		tails := make(map[*tail]*ledger)
		for range 5 {
			tails[p.tail(t, topic, "from=earliest")] = newLedger(partitions)
		}
		ends := map[int32]int64{0: 10, 1: 10, 2: 10}
		for _, silent := range []bool{false, true} {
			for c, l := range tails {
				l.follow(c, ends)
			}
			p.kafka.shut(silent)
			k.produce(t, topic, numbered(0, 300, partitions, 0)...)
			p.kafka.unlock()
			for partition := range ends {
				ends[partition] += 100
			}
		}
		for c, l := range tails {
			l.follow(c, ends)
			if len(l.gaps) > 0 {
				t.Errorf("gaps were told: %v", l.gaps)
			}
		}
	})
}
