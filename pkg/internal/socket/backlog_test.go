package socket

import (
	"testing"
	"time"
)

// backlogs drives a backlog by a clock of its own.
type backlogs struct {
	*backlog

	t   *testing.T
	now time.Time
}

func newBacklogs(t *testing.T, window int) *backlogs {
	t.Helper()
	return &backlogs{newBacklog(window, 80*time.Second), t, time.Unix(1000, 0)}
}

// back has messages come back that were received some time ago.
func (b *backlogs) back(messages int, ago time.Duration, acknowledged bool) {
	for range messages {
		b.answered(b.now.Add(-ago), b.now, acknowledged)
	}
}

func (b *backlogs) want(when string, bound int64) {
	b.t.Helper()
	if got := b.bound.Load(); got != bound {
		b.t.Errorf("%s the bound is %d, want %d", when, got, bound)
	}
}

func TestABacklogIsHalvedOnceForWhatIsThere(t *testing.T) {
	b := newBacklogs(t, 4096)
	b.read(1000)
	b.back(10, 9*time.Second, true)
	b.want("where none is late", 4096)
	b.back(1, 10*time.Second, true)
	b.want("after the first that is late", 495)
	if b.hasRoom() {
		t.Error("there is room for more than the bound")
	}
	b.back(500, 11*time.Second, true)
	b.want("after others that were there", 495)
	if !b.hasRoom() {
		t.Error("there is no room below the bound")
	}
	b.now = b.now.Add(10 * time.Second)
	b.back(1, 10*time.Second, true)
	b.want("after one that came since", 244)
}

func TestABacklogGrowsByWhatIsAcknowledgedInTime(t *testing.T) {
	b := newBacklogs(t, 100)
	b.read(1000)
	b.back(1, time.Minute, false)
	b.want("after one that failed late", 50)
	b.now = b.now.Add(time.Minute)
	b.back(20, time.Second, true)
	b.want("after those in time", 70)
	b.back(20, time.Second, false)
	b.want("after those that failed soon", 70)
	b.back(100, time.Second, true)
	b.want("at its most", 100)
}

func TestABacklogHasALeast(t *testing.T) {
	for window, least := range map[int]int64{4096: leastWaiting, leastWaiting: leastWaiting, 3: 3} {
		b := newBacklogs(t, window)
		for range 20 {
			b.read(5)
			b.now = b.now.Add(time.Minute)
			b.back(5, time.Minute, false)
		}
		b.want("with nothing in time", least)
		if !b.hasRoom() {
			t.Errorf("with a window of %d there is no room for a first message", window)
		}
	}
}

// TestABacklogKnowsOfWhatStillWaits has Kafka acknowledge nothing: what has waited for too long halves the bound at once.
func TestABacklogKnowsOfWhatStillWaits(t *testing.T) {
	b := newBacklogs(t, 4096)
	oldest := b.now
	b.read(200)
	b.now = b.now.Add(9 * time.Second)
	b.checkAge(oldest, b.now)
	b.want("while none is late", 4096)
	b.now = b.now.Add(time.Second)
	b.checkAge(oldest, b.now)
	b.want("while one is late", 100)
	b.now = b.now.Add(time.Second)
	b.checkAge(oldest, b.now)
	b.want("while the same one is later", 100)
}
