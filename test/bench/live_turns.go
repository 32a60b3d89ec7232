package main

import "time"

// turns come at an even rate. After a delay they catch up: timers are coarser than the time between two turns.
type turns struct {
	began     time.Time
	perSecond int
}

func newTurns(perSecond int) turns { return turns{time.Now(), perSecond} }

// due is when the turn of a number comes.
func (t turns) due(n int) time.Time {
	seconds, part := n/t.perSecond, n%t.perSecond
	return t.began.Add(time.Duration(seconds)*time.Second + time.Duration(part)*time.Second/time.Duration(t.perSecond))
}

// await waits for the turn of a number, and returns false as soon as stop is closed.
func (t turns) await(n int, stop <-chan struct{}) bool {
	early := time.Until(t.due(n))
	if early <= 0 {
		return !isClosed(stop)
	}
	select {
	case <-time.After(early):
		return true
	case <-stop:
		return false
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
