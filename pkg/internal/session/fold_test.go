package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// story builds a log step by step.
type story struct {
	fold  *fold
	next  int64
	began time.Time
}

func newStory() *story {
	return &story{fold: newFold(), began: time.UnixMilli(1_700_000_000_000)}
}

// at appends a record with a timestamp some seconds after the beginning.
func (s *story) at(seconds float64, r Record) {
	at := s.began.Add(time.Duration(seconds * float64(time.Second)))
	s.fold.apply(readLog(s.next, at, r.Key, r.Value))
	s.next++
}

// ms returns a time of the story in the form of records, in ms since the epoch.
func (s *story) ms(seconds float64) int64 {
	return s.began.Add(time.Duration(seconds * float64(time.Second))).UnixMilli()
}

// a claim of client c in group g, with one partition and a lease of 15 s.
func claimOf(id, client string, change func(*claim)) Record {
	c := &claim{
		State: pending, Kind: Consumer, Client: "c", Group: "g", Topic: "t", Replica: "run", Server: "pod",
		Partitions: 1, Valid: 15_000,
	}
	c.Client = proxy.ClientID(client)
	if change != nil {
		change(c)
	}
	return set(claimKey+id, c)
}

func admittedAt(asked int64) func(*claim) {
	return func(c *claim) { c.State, c.Asked = admitted, asked }
}

// standings returns the standing of each claim, by id.
func (s *story) standings() string {
	names := map[standing]string{void: "void", refused: "refused", reserved: "reserved", holding: "holding"}
	var list []string
	for id, e := range s.fold.claims {
		list = append(list, fmt.Sprintf("%s %s", id, names[e.standing]))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func TestFold(t *testing.T) {
	for name, test := range map[string]struct {
		write func(*story)
		want  string
	}{
		"the first of two claims wins": {func(s *story) {
			s.at(0, claimOf("1", "a", nil))
			s.at(0, claimOf("2", "b", nil))
		}, "1 reserved, 2 refused"},
		"the workers of a queue take no partition from a consumer": {func(s *story) {
			queue := func(c *claim) { c.Partitions = 0 }
			s.at(0, claimOf("1", "a", queue))
			s.at(0, claimOf("2", "b", queue))
			s.at(0, claimOf("3", "c", nil))
			s.at(0, claimOf("4", "d", nil))
			s.at(0, remove(claimKey+"1"))
			s.at(0, claimOf("5", "e", nil))
		}, "2 reserved, 3 reserved, 4 refused, 5 refused"},
		"a consumer in the place of a queue's worker needs a partition": {func(s *story) {
			s.at(0, claimOf("1", "a", admittedAt(s.ms(0))))
			s.at(0, claimOf("2", "b", func(c *claim) { c.Partitions = 0; admittedAt(s.ms(0))(c) }))
			s.at(1, claimOf("3", "b", func(c *claim) { c.Takes = "2" }))
			s.at(2, remove(claimKey+"1"))
			s.at(3, claimOf("4", "b", func(c *claim) { c.Takes = "2" }))
			s.at(4, claimOf("5", "c", nil))
		}, "2 holding, 3 refused, 4 reserved, 5 refused"},
		"a pending claim is void after its lease": {func(s *story) {
			s.at(0, claimOf("1", "a", nil))
			s.at(15.1, claimOf("2", "b", nil))
		}, "1 void, 2 reserved"},
		"and not before": {func(s *story) {
			s.at(0, claimOf("1", "a", nil))
			s.at(15, claimOf("2", "b", nil))
		}, "1 reserved, 2 refused"},
		"a pending claim from a clock that is ahead is void in time": {func(s *story) {
			s.at(3600, claimOf("1", "a", nil))
			s.at(1, remove("x"))
			s.at(16.1, claimOf("2", "b", nil))
		}, "1 void, 2 reserved"},
		"an admission that a clock ahead has asked for is void": {func(s *story) {
			s.at(3600, claimOf("1", "a", nil))
			s.at(1, claimOf("1", "a", admittedAt(s.ms(3600))))
		}, "1 void"},
		"a claim that is written twice is judged anew": {func(s *story) {
			s.at(0, claimOf("1", "a", nil))
			s.at(1, claimOf("1", "a", nil))
			s.at(15.5, claimOf("2", "b", nil))
		}, "1 reserved, 2 refused"},
		"an evicted session has no place": {func(s *story) {
			s.at(0, claimOf("1", "a", admittedAt(s.ms(0))))
			s.at(1, claimOf("1", "a", func(c *claim) { c.State = evicted }))
			s.at(1, claimOf("2", "b", nil))
		}, "1 void, 2 reserved"},
		"an admission within the lease counts": {func(s *story) {
			s.at(0, claimOf("1", "a", nil))
			s.at(15, claimOf("1", "a", admittedAt(s.ms(0))))
		}, "1 holding"},
		"an admission that comes late does not": {func(s *story) {
			s.at(0, claimOf("1", "a", nil))
			s.at(15.1, claimOf("1", "a", admittedAt(s.ms(0))))
		}, "1 void"},
		"an admission counts where compaction has taken the question": {func(s *story) {
			s.at(100, claimOf("1", "a", admittedAt(s.ms(99))))
		}, "1 holding"},
		"an admission goes before what is only reserved": {func(s *story) {
			s.at(0, claimOf("1", "a", nil))
			s.at(1, claimOf("2", "a", admittedAt(s.ms(0))))
		}, "1 void, 2 holding"},
		"nobody is admitted beside a holder": {func(s *story) {
			s.at(0, claimOf("1", "a", admittedAt(s.ms(0))))
			s.at(1, claimOf("2", "a", admittedAt(s.ms(0))))
		}, "1 holding, 2 void"},
		"the same subject takes over, and needs no free slot": {func(s *story) {
			s.at(0, claimOf("1", "a", admittedAt(s.ms(0))))
			s.at(1, claimOf("2", "a", func(c *claim) { c.Takes = "1" }))
		}, "1 holding, 2 reserved"},
		"another subject does not": {func(s *story) {
			s.at(0, claimOf("1", "a", admittedAt(s.ms(0))))
			s.at(1, claimOf("2", "a", func(c *claim) { c.Takes, c.Subject = "1", "mallory" }))
		}, "1 holding, 2 refused"},
		"nobody takes over what is not admitted": {func(s *story) {
			s.at(0, claimOf("1", "a", nil))
			s.at(1, claimOf("2", "a", func(c *claim) { c.Takes = "1" }))
		}, "1 reserved, 2 refused"},
		"nor what another takes over": {func(s *story) {
			s.at(0, claimOf("1", "a", admittedAt(s.ms(0))))
			s.at(1, claimOf("2", "a", func(c *claim) { c.Takes = "1" }))
			s.at(1, claimOf("3", "a", func(c *claim) { c.Takes = "1" }))
		}, "1 holding, 2 reserved, 3 refused"},
		"the successor has the slot when its predecessor is gone": {func(s *story) {
			s.at(0, claimOf("1", "a", admittedAt(s.ms(0))))
			s.at(1, claimOf("2", "a", func(c *claim) { c.Takes = "1" }))
			s.at(1, remove(claimKey+"1"))
			s.at(1, claimOf("3", "b", nil))
		}, "2 reserved, 3 refused"},
		"a lapse voids all claims of the run": {func(s *story) {
			s.at(0, claimOf("1", "a", admittedAt(s.ms(0))))
			s.at(0, claimOf("2", "a", func(c *claim) { c.Takes = "1" }))
			s.at(16, set("lapse/run/other", &lapse{By: "other", Asked: s.ms(16), Lease: 15_000}))
		}, "1 void, 2 void"},
		"a run that has lapsed claims nothing": {func(s *story) {
			s.at(0, set("lapse/run/other", &lapse{By: "other", Asked: s.ms(0), Lease: 15_000}))
			s.at(1, claimOf("1", "a", nil))
			s.at(1, claimOf("2", "b", admittedAt(s.ms(1))))
		}, "1 void, 2 void"},
		"a lapse that comes late does not count": {func(s *story) {
			s.at(0, claimOf("1", "a", admittedAt(s.ms(0))))
			s.at(20, set("lapse/run/other", &lapse{By: "other", Asked: s.ms(4.9), Lease: 15_000}))
		}, "1 holding"},
		"nor does it undo another": {func(s *story) {
			s.at(0, claimOf("1", "a", admittedAt(s.ms(0))))
			s.at(16, set("lapse/run/one", &lapse{By: "one", Asked: s.ms(16), Lease: 15_000}))
			s.at(40, set("lapse/run/two", &lapse{By: "two", Asked: s.ms(16), Lease: 15_000}))
		}, "1 void"},
		"what cannot be read removes what was there": {func(s *story) {
			s.at(0, claimOf("1", "a", admittedAt(s.ms(0))))
			s.at(1, Record{Key: claimKey + "1", Value: []byte("{")})
		}, ""},
		"the limit of a group counts its topics together": {func(s *story) {
			limited := func(topic string) func(*claim) {
				return func(c *claim) { c.Limit, c.Topic = 1, topic }
			}
			s.at(0, claimOf("1", "a", limited("t")))
			s.at(0, claimOf("2", "b", limited("u")))
		}, "1 reserved, 2 refused"},
		"a successor in another topic needs a slot there": {func(s *story) {
			s.at(0, claimOf("1", "a", func(c *claim) { c.State, c.Asked, c.Topic = admitted, s.ms(0), "u" }))
			s.at(0, claimOf("2", "b", admittedAt(s.ms(0))))
			s.at(1, claimOf("3", "a", func(c *claim) { c.Takes = "1" }))
		}, "1 holding, 2 holding, 3 refused"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory()
			test.write(s)
			if got := s.standings(); got != test.want {
				t.Errorf("the claims are %q, want %q", got, test.want)
			}
		})
	}
}

// TestLogTimeHardlyPassesInAGap has an outage between two records, and a record of a broker whose clock is an
// hour ahead: of the time in which nobody could write, log time counts a second, so that nobody is silent for
// having been unable to write. The clock costs one such gap.
func TestLogTimeHardlyPassesInAGap(t *testing.T) {
	s := newStory()
	for _, step := range []struct {
		at   float64
		want time.Duration
	}{
		{0, 0},
		{0.5, 500 * time.Millisecond},
		{60, 1500 * time.Millisecond},   // an outage
		{3660, 2500 * time.Millisecond}, // a clock
		{60.5, 2500 * time.Millisecond},
		{61, 3 * time.Second},
		{61.5, 3500 * time.Millisecond},
	} {
		s.at(step.at, claimOf("1", "a", nil))
		if s.fold.now != step.want {
			t.Errorf("at %v s the log time is %v, want %v", step.at, s.fold.now, step.want)
		}
	}
}
