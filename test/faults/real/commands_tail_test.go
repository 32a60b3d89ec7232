//go:build unix

package real

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// tail follows the lines from the oldest on, by a command that goes on by itself when its connection ends.
func (c *commands) tail(ctx context.Context) {
	for ctx.Err() == nil {
		next := make(map[int]int64) // the least offset that may come now, by partition
		c.run(ctx, func(line string) { c.follow(next, line) }, "tail", "--from", "earliest", "--client-id", "commands-tail", "--format", `%p %o %s\n`)
	}
}

// follow takes a line of a tail, which must not come before one that it has printed.
func (c *commands) follow(next map[int]int64, line string) {
	place, value, _ := strings.Cut(line, " line ")
	var partition int
	var offset int64
	if _, err := fmt.Sscan(place, &partition, &offset); err != nil {
		return // cut off by the end of its process; is noticed, as it lacks then
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if offset < next[partition] {
		c.again = append(c.again, fmt.Sprintf("%q, after %d of the partition", line, next[partition]-1))
	}
	next[partition] = offset + 1
	c.tailed["line "+value] = true
}

// TestWhatATailPrintsAgainIsNoted takes an offset that a tail has printed, and one below that, but not those of another partition.
func TestWhatATailPrintsAgainIsNoted(t *testing.T) {
	c := &commands{tailed: make(map[string]bool)}
	next := make(map[int]int64)
	for _, line := range []string{"0 4 line 1.1", "1 0 line 1.2", "0 6 line 1.3", "0", ""} {
		c.follow(next, line)
	}
	if len(c.again) > 0 || len(c.tailed) != 3 || !c.tailed["line 1.3"] {
		t.Errorf("of what is in order %q came again, and %v was read", c.again, c.tailed)
	}
	for i, line := range []string{"0 6 line 1.3", "0 5 line 1.4"} {
		c.follow(next, line)
		if len(c.again) != i+1 {
			t.Errorf("%q is not noted", line)
		}
	}
}
