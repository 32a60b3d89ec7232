package clientcfg

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// TestListingLetsOthersIn lists many entries, of which one or the other of two is there, never both or none. A
// list that has both, or none, shows that others got the lock meanwhile. It takes several tries: on a busy machine
// the others may not be running just then.
func TestListingLetsOthersIn(t *testing.T) {
	const entries, tries = 20_000, 1000
	table, _ := counted(Static{})
	for i := range entries {
		table.Read(0, time.Time{}, fmt.Appendf(nil, "consumer/%d", i), []byte(`{"batch-size":1}`))
	}
	table.CaughtUp()
	one, two := identity{Consumer, "one"}, identity{Consumer, "two"}
	table.dynamic[one] = Entry{}
	var over atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for there, gone := one, two; !over.Load(); there, gone = gone, there {
			table.mu.Lock()
			delete(table.dynamic, there)
			table.dynamic[gone] = Entry{}
			table.mu.Unlock()
		}
	}()
	let := false
	for try := 0; try < tries && !let; try++ {
		all, err := table.All()
		if err != nil {
			t.Fatal(err)
		}
		let = len(all.Consumers.Dynamic) != entries+1
	}
	over.Store(true)
	<-ended
	if !let {
		t.Errorf("nobody got the lock while %d entries were listed", entries)
	}
}
