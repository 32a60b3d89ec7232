package checker

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/history"
)

// tails checks what tails were given.
type tails struct {
	*check
	main  string // the name of the topic that the suite is about
	logs  map[string]*topicLog
	sent  map[string]sending // by message
	conns map[int]*tail
	last  map[string]*tail   // the newest connection, by the tail's name
	saved map[savedKey]saved // where cursors are

	present int           // the newest instance that may be there
	made    map[int]int32 // with how many partitions
	trimmed map[slot]int64
}

// sending is when a message was sent and when it was answered.
type sending struct {
	index    int
	answered time.Time // zero where Kafka has not acknowledged it
}

// savedKey identifies a cursor: tails that are at the same place have the same text.
type savedKey struct{ name, cursor string }

// saved is where a tail was when it was given a cursor.
type saved struct {
	topics map[string]*tailTopic
	index  int // of the event
}

// never is the index of an event that has not come.
const never = math.MaxInt

// tail is one connection of a tail.
type tail struct {
	conn     int
	name     string
	wants    *history.Tail
	topics   map[string]*tailTopic
	left     map[string][]*tailTopic // topics that it has ended again: the client keeps what it was given of them
	commands []*history.Event        // without an answer
}

// tailTopic is a topic of a tail.
type tailTopic struct {
	name     string
	wants    *history.Tail
	added    bool      // by a command
	asked    time.Time // when it was asked for: latest is not before
	begun    int       // the event from which on what is sent must come
	whole    bool      // it begins with the oldest record
	filters  []filter
	passed   []filter // under which a client was given what it has beyond its cursor
	places   map[int32]*tailPlace
	snapshot *snapshot // while it comes
}

func newTails(c *check, kafka *Kafka) *tails {
	t := &tails{
		check: c, main: kafka.Name, logs: map[string]*topicLog{kafka.Name: newTopicLog(c.instances)}, sent: make(map[string]sending),
		conns: make(map[int]*tail), last: make(map[string]*tail), saved: make(map[savedKey]saved), made: make(map[int]int32), trimmed: make(map[slot]int64),
	}
	for name, log := range kafka.Beside {
		t.logs[name] = newTopicLog([]Instance{{Log: log}})
	}
	return t
}

func (t *tails) event(index int, e *history.Event) {
	switch e.Kind {
	case history.Send:
		t.sent[e.ID] = sending{index: index}
	case history.Answer:
		if s, ok := t.sent[e.ID]; ok && e.Code == "" {
			s.answered = e.At
			t.sent[e.ID] = s
		}
	case history.Made:
		t.made[e.Instance] = int32(e.Count)
	case history.Ended: // another may be there before the suite knows
		t.present = e.Instance + 1
	case history.Trim:
		s := slot{e.Instance, e.Partition}
		t.trimmed[s] = max(t.trimmed[s], e.Offset)
	case history.TailOpen:
		t.open(e)
	default:
		if conn := t.conns[e.Conn]; conn != nil {
			t.ofTail(index, e, conn)
		}
	}
}

// ofTail takes an event of an open tail.
func (t *tails) ofTail(index int, e *history.Event, conn *tail) {
	switch e.Kind {
	case history.TailBegun:
		t.begun(index, e, conn)
	case history.TailCursor:
		s := saved{make(map[string]*tailTopic), index}
		for name, topic := range conn.topics {
			s.topics[name] = topic.clone()
		}
		t.saved[savedKey{conn.name, e.ID}] = s
	case history.TailCommand:
		t.command(e, conn)
	case history.TailObeyed:
		t.obeyed(index, e, conn)
	case history.TailConflated:
		if !conn.wants.Conflates() {
			t.violated(Unwanted, e, "records are left out for newer ones, which was not asked for")
		}
	case history.TailRecord, history.TailGap, history.TailSnapshot, history.TailLive:
		topic := conn.topics[cmp.Or(e.Topic, t.main)]
		if topic == nil {
			t.violated(Unwanted, e, "%q is not read, and something of it comes", cmp.Or(e.Topic, t.main))
			return
		}
		t.ofTopic(e, topic)
	default:
	}
}

func (t *tails) ofTopic(e *history.Event, topic *tailTopic) {
	switch e.Kind {
	case history.TailRecord:
		t.record(e, topic)
	case history.TailGap:
		t.report.Gaps++
		t.gap(e, topic)
	case history.TailSnapshot:
		topic.snapshot = &snapshot{newest: make(map[int32]map[string]int64)}
	default:
		t.live(e, topic)
	}
}

// open begins a connection, at a cursor where it has one.
func (t *tails) open(e *history.Event) {
	conn := &tail{conn: e.Conn, name: e.Group, wants: e.Tail, topics: make(map[string]*tailTopic), left: make(map[string][]*tailTopic)}
	before := t.last[conn.name]
	t.conns[e.Conn], t.last[conn.name] = conn, conn
	s, resumes := t.saved[savedKey{conn.name, e.Tail.Cursor}]
	for _, name := range e.Tail.Topics {
		was := s.topics[name]
		if !resumes || was == nil {
			conn.topics[name] = newTailTopic(name, e.Tail, e.Began)
			continue
		}
		topic := was.clone()
		topic.wants, topic.snapshot = e.Tail, nil
		topic.change(e.Tail.Keys, s.index)
		topic.goOn(e.Tail, before.all(name))
		conn.topics[name] = topic
	}
}

// newTailTopic begins without a cursor.
func newTailTopic(name string, wants *history.Tail, asked time.Time) *tailTopic {
	return &tailTopic{
		name: name, wants: wants, asked: asked, begun: never, whole: wants.From == "earliest",
		filters: []filter{newFilter(wants.Keys, 0)}, places: make(map[int32]*tailPlace),
	}
}

// all returns what a connection was given of a topic, in the order in which it has read it, ended it, and read it again.
func (t *tail) all(name string) []*tailTopic {
	all := slices.Clone(t.left[name])
	if topic := t.topics[name]; topic != nil {
		all = append(all, topic)
	}
	return all
}

// goOn moves the places behind what a client has beyond its cursor, of its last connection.
func (topic *tailTopic) goOn(wants *history.Tail, last []*tailTopic) {
	topic.passed = nil
	for _, before := range last {
		topic.passed = append(topic.passed, before.passed...)
		topic.passed = append(topic.passed, before.filters...)
		for partition, p := range before.places {
			topic.place(partition).learn(p)
		}
	}
	for _, a := range wants.After {
		if a.Topic == topic.name && wants.Every == 0 { // else there may be older ones that wait
			topic.place(a.Partition).pass(a.Offset + 1)
		}
	}
}

// begun takes the first frame.
func (t *tails) begun(index int, e *history.Event, conn *tail) {
	for _, topic := range conn.topics {
		if topic.begun == never && !topic.added {
			topic.begun = index
		}
	}
	if e.Code == "" {
		return
	}
	excused := false
	for _, topic := range conn.topics {
		excused = excused || t.isLost(topic, e.Code)
	}
	if !excused {
		t.violated(LostPlace, e, "the cursor's place is %s, and is not", e.Code)
	}
}

// command changes what may come, and what must come no longer.
func (t *tails) command(e *history.Event, conn *tail) {
	conn.commands = append(conn.commands, e)
	name := cmp.Or(e.Topic, t.main)
	topic := conn.topics[name]
	switch {
	case e.Tail == nil:
	case topic == nil:
		wants := *conn.wants
		wants.From, wants.Keys, wants.Cursor, wants.After = e.Tail.From, e.Tail.Keys, "", nil
		conn.topics[name] = newTailTopic(name, &wants, e.At)
		conn.topics[name].added = true
	default:
		topic.filters = append(topic.filters, newFilter(e.Tail.Keys, never))
	}
}

// obeyed takes the answer to the oldest command.
func (t *tails) obeyed(index int, e *history.Event, conn *tail) {
	if len(conn.commands) == 0 || conn.commands[0].Topic != e.Topic {
		t.violated(Unasked, e, "a command for %q is answered, and none waits for that", cmp.Or(e.Topic, t.main))
		return
	}
	command := conn.commands[0]
	conn.commands = conn.commands[1:]
	name := cmp.Or(e.Topic, t.main)
	topic := conn.topics[name]
	switch {
	case command.Tail == nil && topic != nil:
		conn.left[name] = append(conn.left[name], topic)
		delete(conn.topics, name)
	case command.Tail == nil:
	case topic == nil:
	case topic.begun == never:
		topic.begun = index
	default:
		topic.confirm(index)
	}
}
