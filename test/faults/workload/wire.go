package workload

import (
	"context"
	"net"
	"time"
)

// Wire is a connection that can end, or stop, in every way there is.
type Wire interface {
	net.Conn
	CloseWrite() error
	Reset()  // ends it at once, with RST
	Freeze() // stops both directions; nobody is told
}

// pause waits, and tells whether ctx still holds.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
