package loadclient

import (
	"bytes"
	"fmt"
	"sync"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/frame"
)

// Report is what sockets have got, all of them together, since the process started.
type Report struct {
	Opened  int    // handshakes that succeeded
	Greeted int    // first frames of /socket/tail
	Lost    int    // sockets that ended, or could not be opened
	Failure string // of the first of these

	Records   uint64
	Sum       uint64 // of the numbers in their stamps
	Gaps      int    // frames, as those that follow
	Conflated int
	Cursors   int
	Snapshots int // ends of snapshots

	// The last ones of each.
	GreetedAt, RecordAt, SnapshotAt time.Time
	FirstRecordAt                   time.Time

	// Of the records since the last mark: how long they took since they were produced.
	Latency Summary
	Final   Summary // of those whose stamp is final alone
}

// tally counts what comes. Its methods want mu held, but for snapshot.
type tally struct {
	mu      sync.Mutex
	report  Report
	latency histogram
	final   histogram
}

// snapshot returns the report of now. With mark, latencies begin anew behind it.
func (t *tally) snapshot(mark bool) Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.report.Latency, t.report.Final = t.latency.summary(), t.final.summary()
	if mark {
		t.latency, t.final = histogram{}, histogram{}
	}
	return t.report
}

func (t *tally) lose(err error) {
	t.report.Lost++
	if t.report.Failure == "" {
		t.report.Failure = err.Error()
	}
}

// take counts a message that has come now.
func (t *tally) take(now time.Time, message []byte) error {
	r := &t.report
	switch {
	case bytes.HasPrefix(message, []byte(`{"wsProxyMessageId"`)):
		return t.takeRecord(now, message)
	case bytes.HasPrefix(message, []byte(`{"tail"`)):
		r.Greeted++
		r.GreetedAt = now
	case bytes.HasPrefix(message, []byte(`{"cursor"`)):
		r.Cursors++
	case bytes.HasPrefix(message, []byte(`{"gap"`)):
		r.Gaps++
	case bytes.HasPrefix(message, []byte(`{"conflated"`)):
		r.Conflated++
	case bytes.HasPrefix(message, []byte(`{"snapshot"`)):
		if bytes.Contains(message, []byte(`"end"`)) {
			r.Snapshots++
			r.SnapshotAt = now
		}
	default:
		return fmt.Errorf("the proxy sent %.300s", message)
	}
	return nil
}

func (t *tally) takeRecord(now time.Time, message []byte) error {
	s, err := findStamp(message)
	if err != nil {
		return fmt.Errorf("%w: %.300s", err, message)
	}
	latency := time.Duration(now.UnixNano() - s.sent)
	t.latency.add(latency)
	if s.final {
		t.final.add(latency)
	}
	if t.report.Records == 0 {
		t.report.FirstRecordAt = now
	}
	t.report.Records++
	t.report.Sum += s.number
	t.report.RecordAt = now
	return nil
}

// takeFrame counts a frame. It returns what is to be sent back, if anything.
func (t *tally) takeFrame(now time.Time, op byte, payload []byte) (answer []byte, err error) {
	switch op {
	case frame.Text:
		return nil, t.take(now, payload)
	case frame.Ping:
		return frame.Append(nil, frame.Pong, payload), nil
	case frame.Close:
		return nil, frame.Closed(payload)
	}
	return nil, fmt.Errorf("the proxy sent a frame of opcode %d", op)
}
