//go:build unix

package real

import (
	"iter"
	"math"
	"regexp"
	"testing"
	"time"
)

// endTime is what a run of a soak keeps for its end: clients come to rest, the log is read, and all is checked.
const endTime = 45 * time.Second

// plan is how long faults happen: until so many have, and the time has come.
type plan struct {
	least, first int // first is where the first round begins in the order of the seed
	until        time.Time
}

// planOf is the plan of a run that has begun then: so many faults, and such a time from now on. In a soak the time is that of the soak.
func planOf(began time.Time, least int, length time.Duration) plan {
	if *soak > 0 {
		return plan{least: 1, until: began.Add(*soak - endTime)}
	}
	if *only != "" {
		return plan{least: math.MaxInt} // each of them
	}
	return plan{least: least, until: time.Now().Add(length)}
}

// turns returns the number of each fault, and which of those with these names it is: each kind comes once before any does so again.
func (p plan) turns(t testing.TB, names []string) iter.Seq2[int, int] {
	t.Helper()
	var kinds []int
	chosen := regexp.MustCompile(*only)
	for i, name := range names {
		if chosen.MatchString(name) {
			kinds = append(kinds, i)
		}
	}
	if len(kinds) == 0 {
		t.Fatalf("no fault has a name like %q", *only)
	}
	return func(yield func(int, int) bool) {
		order := random(0)
		for n := 0; n < min(p.least, len(kinds)) || time.Now().Before(p.until); n++ {
			if n%len(kinds) == 0 {
				order.Shuffle(len(kinds), func(i, j int) { kinds[i], kinds[j] = kinds[j], kinds[i] })
			}
			if !yield(n, kinds[(n+p.first)%len(kinds)]) {
				return
			}
		}
	}
}

// ofTheDay is where the first round begins in a test that has no time for all kinds: further on each day, by as many as it has time for.
func ofTheDay(each int) int { return int(time.Now().Unix()/86400) * each }

// TestTurns takes each kind once before any comes again, and ends at its time.
func TestTurns(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	for first := range 2 * len(names) {
		seen := make(map[int]int)
		for n, i := range (plan{first: first, until: time.Now().Add(time.Hour)}).turns(t, names) {
			if n == 2*len(names) {
				break
			}
			seen[i]++
			if seen[i] > n/len(names)+1 {
				t.Errorf("fault %d is one of kind %q for the %dth time, from %d on", n+1, names[i], seen[i], first)
			}
		}
	}
	count := 0
	for range (plan{least: 3}).turns(t, names) {
		count++
	}
	if count != 3 {
		t.Errorf("%d faults, want 3: the time is over", count)
	}
}
