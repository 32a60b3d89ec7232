package socket

import (
	"sync"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestHandshakesInProgressAreBounded(t *testing.T) {
	r := NewRegistry(Limits{Handshakes: 2})
	first, e1 := r.Enter("192.0.2.1:1")
	second, e2 := r.Enter("192.0.2.2:1")
	if e1 != nil || e2 != nil {
		t.Fatal(e1, e2)
	}
	third, e := r.Enter("192.0.2.3:1")
	wantKind(t, e, proxy.KindOverloaded)
	third() // it was never counted
	wantKind(t, check(r), proxy.KindOverloaded)
	first()
	first() // counts once
	if e := check(r); e != nil {
		t.Error(e)
	}
	again, e := r.Enter("192.0.2.1:1")
	if e != nil {
		t.Error(e)
	}
	wantKind(t, check(r), proxy.KindOverloaded)
	again()
	second()
	if r.handshakes.Taken() != 0 {
		t.Errorf("%d are in progress", r.handshakes.Taken())
	}
}

// TestAnAddressLeavesHandshakesToOthers has one address begin as many handshakes as it can.
func TestAnAddressLeavesHandshakesToOthers(t *testing.T) {
	r, began := NewRegistry(Limits{Handshakes: 256}), 0
	for {
		through, e := r.Enter("192.0.2.66:1")
		if e != nil {
			break
		}
		defer through() //nolint:gocritic // each to the test's end
		began++
	}
	if began != 128 {
		t.Errorf("it begins %d", began)
	}
	for _, other := range []string{"192.0.2.1:1", "[2001:db8::1]:1"} {
		through, e := r.Enter(other)
		if e != nil {
			t.Errorf("%s: %v", other, e)
		}
		through()
	}
}

func TestRefusalsByClosingAreBounded(t *testing.T) {
	r := NewRegistry(Limits{Handshakes: 1})
	through, ok := r.Refuse(someone)
	if _, second := r.Refuse(someone); !ok || second {
		t.Errorf("got %t, then %t", ok, second)
	}
	if e := check(r); e != nil {
		t.Errorf("a refusal keeps others from shaking hands: %v", e)
	}
	through()
	if through, ok = r.Refuse(someone); !ok {
		t.Error("its place was not given back")
	}
	through()
	free := NewRegistry(Limits{})
	for range 1000 {
		if _, ok := free.Refuse(someone); !ok {
			t.Fatal("there is a bound without a limit")
		}
	}
}

func TestConnectionsOfAnAddressAreBounded(t *testing.T) {
	for _, test := range []struct {
		name, one, other string
		same             bool
	}{
		{"ports of an address", "192.0.2.1:1", "192.0.2.1:2", true},
		{"with a port and without", "192.0.2.1:1", "192.0.2.1", true},
		{"two addresses", "192.0.2.1:1", "192.0.2.2:1", false},
		{"IPv4 in IPv6", "[::ffff:192.0.2.1]:1", "192.0.2.1:2", true},
		{"a network of IPv6", "[2001:db8::1]:1", "2001:db8::ffff:1", true},
		{"two networks of IPv6", "[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"zones", "[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
		{"no addresses", "pipe", "pipe", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := NewRegistry(Limits{PerAddress: 1})
			if e := r.Admit(test.one); e != nil {
				t.Fatal(e)
			}
			e := r.Admit(test.other)
			_, entering := r.Enter(test.other)
			switch {
			case test.same:
				wantKind(t, e, proxy.KindLimitReached)
				wantKind(t, entering, proxy.KindLimitReached)
			case e != nil || entering == nil: // the second is there now
				t.Errorf("got %v, %v", e, entering)
			default:
				r.Leave(test.other, nil)
			}
			r.Leave(test.one, nil)
			if len(r.byAddress) != 0 || r.admitted != 0 {
				t.Errorf("%v are left of %d", r.byAddress, r.admitted)
			}
		})
	}
}

func TestAddressesAreForgottenWithTheirConnections(t *testing.T) {
	r := NewRegistry(Limits{PerAddress: 10})
	var all sync.WaitGroup
	for _, address := range []string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1"} {
		for range 10 {
			all.Go(func() {
				for range 100 {
					if e := r.Admit(address); e != nil {
						t.Error(e)
						return
					}
					r.Leave(address, nil)
				}
			})
		}
	}
	all.Wait()
	if len(r.byAddress) != 0 {
		t.Errorf("left are %v", r.byAddress)
	}
}
