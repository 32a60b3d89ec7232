package goclients

import (
	"errors"
	"fmt"
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// Place is where a record lies.
type Place struct {
	Partition int32
	Offset    int64
}

// Record is a record of the topic. Its value is unique, but for what was sent again.
type Record struct {
	Place

	Value string
}

func recordOf(r *client.Record) Record { return Record{Place{r.Partition, r.Offset}, string(r.Value)} }

// Ledger is what the programs did, and were told.
type Ledger struct {
	mu     sync.Mutex // guards what follows
	sends  map[string]*send
	group  []Record       // that its members were given
	tail   []client.Event // records and gaps
	tasks  map[Place]*task
	errors map[string]int // that were told, by kind
	wrong  []string       // what does not hold, whatever Kafka has
}

// send is a message.
type send struct {
	answers int
	ack     client.Ack
	err     error
}

// task is what workers were told of a record.
type task struct {
	value    string
	most     int  // the highest number of a delivery
	accepted int  // the number of the delivery that was accepted, 0 if none was
	unsure   bool // whether a worker was not told what became of its acceptance
}

// NewLedger returns an empty one.
func NewLedger() *Ledger {
	return &Ledger{sends: make(map[string]*send), tasks: make(map[Place]*task), errors: make(map[string]int)}
}

// note changes the ledger, and counts an error that was told, which may be nil.
func (l *Ledger) note(what string, err error, change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	if err != nil {
		kind := err.Error()
		if e, ok := errors.AsType[*client.Error](err); ok {
			kind = e.Code
		}
		l.errors[what+": "+kind]++
	}
}

func (l *Ledger) sent(value string) {
	l.note("", nil, func() { l.sends[value] = new(send) })
}

func (l *Ledger) answered(value string, ack client.Ack, err error) {
	l.note("send", err, func() {
		s := l.sends[value]
		*s = send{s.answers + 1, ack, err}
	})
}

// handed takes a delivery to a worker. One with a lower number than that which was accepted had been on its way before.
func (l *Ledger) handed(r Record, count int) {
	l.note("", nil, func() {
		if l.tasks[r.Place] == nil {
			l.tasks[r.Place] = &task{value: r.Value}
		}
		t := l.tasks[r.Place]
		t.most = max(t.most, count)
		if t.accepted > 0 && count > t.accepted {
			l.wrong = append(l.wrong, fmt.Sprintf("%v was accepted, and is handed out again, for the time %d", r.Place, count))
		}
	})
}

// accepted takes the answer to an acceptance.
func (l *Ledger) accepted(at Place, count int, err error) {
	l.note("accept", err, func() {
		t := l.tasks[at]
		refusal, ok := errors.AsType[*client.Error](err)
		switch {
		case err == nil && t.accepted > 0:
			l.wrong = append(l.wrong, fmt.Sprintf("%v was accepted twice, at its deliveries %d and %d", at, t.accepted, count))
		case err == nil:
			t.accepted = count
		case !ok || refusal.Code != "LOCK_EXPIRED" && refusal.Code != "UNKNOWN_MESSAGE_ID":
			t.unsure = true
		}
	})
}

// Acked is how many messages have an ack.
func (l *Ledger) Acked() (n int) {
	l.note("", nil, func() {
		for _, s := range l.sends {
			if s.answers > 0 && s.err == nil {
				n++
			}
		}
	})
	return n
}
