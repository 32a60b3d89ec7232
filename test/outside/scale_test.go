package outside

import (
	"os"
	"time"
)

// scale is how much data the tests use for which that matters.
type scale struct {
	consumed   int           // records, while the proxy is killed
	produced   int           // the same, the other way
	unread     int           // bytes that lie in a topic whose client reads nothing
	unreadTime time.Duration // for which it does not
}

func scaled() scale {
	if os.Getenv("OUTSIDE_SCALE") == "full" {
		return scale{consumed: 1_000_000, produced: 100_000, unread: 1 << 30, unreadTime: time.Minute}
	}
	return scale{consumed: 60_000, produced: 20_000, unread: 64 << 20, unreadTime: 8 * time.Second}
}
