package server

import (
	"sync"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// quota counts the connections of each principal on this replica. A client that reconnects for a place
// that its earlier connection still holds needs no second one.
type quota struct {
	mu    sync.Mutex // guards what follows
	taken map[proxy.Principal]map[any]int
}

// take takes a place for a principal, which may have up to most of them; 0 is no limit. Connections
// with the same key count as one. Anonymous clients are not counted. leave gives the place back.
func (q *quota) take(most int, p proxy.Principal, key any) (leave func(), e *proxy.Error) {
	if most == 0 || p.IsAnonymous() {
		return func() {}, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	places := q.taken[p]
	if places[key] == 0 && len(places) >= most {
		return nil, proxy.Errorf(proxy.KindLimitReached, "You have your most connections of %d to this replica.", most)
	}
	if places == nil {
		places = make(map[any]int)
		if q.taken == nil {
			q.taken = make(map[proxy.Principal]map[any]int)
		}
		q.taken[p] = places
	}
	places[key]++
	return sync.OnceFunc(func() { q.leave(p, key) }), nil
}

func (q *quota) leave(p proxy.Principal, key any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	places := q.taken[p]
	if places[key]--; places[key] == 0 {
		delete(places, key)
	}
	if len(places) == 0 {
		delete(q.taken, p)
	}
}

// heldPlace is the key, in a quota, of a place that only one connection of a principal may hold at a
// time.
type heldPlace struct{ kind, group, client, instance string }

// place is the key of the flow's connection among those of its principal. Without a session the key is
// unique.
func (f *flow) place() any {
	if q := f.session; q != nil {
		return heldPlace{string(q.Kind), string(q.Group), string(q.Client), q.Instance}
	}
	return new(heldPlace)
}
