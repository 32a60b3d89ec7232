package client

import "testing"

// TestProducerNamesItsInstance where it has one: a proxy that keeps sessions of producers refuses those without.
func TestProducerNamesItsInstance(t *testing.T) {
	c := &Client{options: Options{ClientID: "c"}}
	for _, instance := range []string{"", "i"} {
		p := &Producer{client: c, topic: "t", instance: instance}
		if q := p.query(); q.Get("instanceId") != instance || q.Has("instanceId") != (instance != "") {
			t.Errorf("the instance %q is asked for as %q", instance, q.Encode())
		}
	}
}
