package session

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// release ends an attempt, whether it holds the session or not.
func (r *replica) release(a *attempt) {
	r.forget(a)
	a.phase, a.settled = over, true
}

// forget removes an attempt from all maps, and what is in the log of it.
func (r *replica) forget(a *attempt) {
	r.withdraw(a)
	r.unprobe(a)
	a.presumed = false
}

// withdraw removes an attempt's claim, and its opposition to a rival.
func (r *replica) withdraw(a *attempt) {
	delete(r.idle, a)
	if a.id != "" && r.attempts[a.id] == a {
		delete(r.attempts, a.id)
		r.put(claimKey + a.id)
	}
	if a.rival != "" {
		r.rivals[a.rival] = without(r.rivals[a.rival], a)
		if len(r.rivals[a.rival]) == 0 {
			delete(r.rivals, a.rival)
		}
		a.rival = ""
	}
}

func without(list []*attempt, a *attempt) []*attempt {
	for i := range list {
		if list[i] == a {
			list[i] = list[len(list)-1]
			return list[:len(list)-1]
		}
	}
	return list
}

// end tells an attempt that it has failed, or that its session is over.
func (r *replica) end(a *attempt, e *proxy.Error) {
	r.forget(a)
	a.phase = over
	if !a.settled {
		a.settled = true
		a.settle(e)
		return
	}
	a.lost = e
	if a.holder != nil {
		a.holder.Lose(e)
	}
}

// endSoon ends a session whose client is to connect again, in its turn: many may end at a time, and all their
// clients come back at once.
func (r *replica) endSoon(a *attempt, e *proxy.Error) {
	r.forget(a)
	r.ending = append(r.ending, ending{a, e})
}

// ending is a session that is to end.
type ending struct {
	attempt *attempt
	why     *proxy.Error
}

// endSome ends the sessions that are to end, one a millisecond.
func (r *replica) endSome(since time.Duration) {
	n := min(len(r.ending), max(1, int(since/time.Millisecond)))
	for _, e := range r.ending[:n] {
		if e.attempt.phase != over {
			r.end(e.attempt, e.why)
		}
	}
	r.ending = r.ending[n:]
}
