package clientcfg

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// TestListingLetsOthersIn lists many entries, and counts how often others get the lock during one listing.
// It tries several times: on a busy machine the others may not be running just then.
func TestListingLetsOthersIn(t *testing.T) {
	const entries, least, tries = 20_000, 10, 200
	table, _ := counted(Static{})
	for i := range entries {
		table.Read(0, time.Time{}, fmt.Appendf(nil, "consumer/%d", i), []byte(`{"batch-size":1}`))
	}
	table.CaughtUp()
	most := 0
	for try := 0; try < tries && most < least; try++ {
		most = max(most, table.lockedWhile(func() {
			if all, err := table.All(); err != nil || len(all.Consumers.Dynamic) != entries || len(all.Producers.Dynamic) != 0 {
				t.Errorf("listed %d: %v", len(all.Consumers.Dynamic), err)
			}
		}))
	}
	if most < least {
		t.Errorf("others had the lock %d times while %d entries were listed", most, entries)
	}
}

// lockedWhile counts how often another goroutine gets the lock while a function runs.
func (t *Table) lockedWhile(run func()) (n int) {
	var over atomic.Bool
	began, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for close(began); !over.Load(); n++ {
			t.mu.Lock()
			_ = t.caughtUp
			t.mu.Unlock()
		}
	}()
	<-began
	run()
	over.Store(true)
	<-ended
	return n
}
