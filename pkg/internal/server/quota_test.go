package server

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestQuota(t *testing.T) {
	alice := proxy.Principal{Method: proxy.MethodUser, Name: "alice"}
	token := proxy.Principal{Method: proxy.MethodToken, Name: "alice"}
	q := new(quota)
	var leaves []func()
	for _, step := range []struct {
		name  string
		who   proxy.Principal
		key   any
		taken bool
	}{
		{"the first", alice, heldPlace{client: "1"}, true},
		{"the second", alice, heldPlace{client: "2"}, true},
		{"one too many", alice, heldPlace{client: "3"}, false},
		{"one that comes back for its place", alice, heldPlace{client: "1"}, true},
		{"the same name by another method", token, heldPlace{client: "3"}, true},
		{"anybody", proxy.Principal{}, heldPlace{client: "1"}, true},
		{"many of anybody", proxy.Principal{}, heldPlace{client: "2"}, true},
		{"and more", proxy.Principal{}, heldPlace{client: "3"}, true},
	} {
		leave, e := q.take(2, step.who, step.key)
		if step.taken != (e == nil) || e != nil && e.Kind != proxy.KindLimitReached {
			t.Errorf("%s: got %v", step.name, e)
		}
		if e == nil {
			leaves = append(leaves, leave)
		}
	}
	leaves[0]()
	leaves[0]() // more often does no harm
	if _, e := q.take(2, alice, heldPlace{client: "3"}); e == nil {
		t.Error("a place is free that a connection has come back for")
	}
	for _, leave := range leaves {
		leave()
	}
	if len(q.taken) != 0 {
		t.Errorf("%v is left", q.taken)
	}
	if _, e := q.take(0, alice, heldPlace{client: "4"}); e != nil || len(q.taken) != 0 {
		t.Errorf("without a limit: %v, %v", e, q.taken)
	}
	one, other := new(flow), new(flow)
	if one.place() == other.place() {
		t.Error("two connections without sessions are one")
	}
}
