package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestAddressesBehindProxies(t *testing.T) {
	p := newProxies([]string{"10.0.0.0/8", "2001:db8:1::/48", "192.0.2.7/32"})
	for _, test := range []struct {
		name, peer string
		forwarded  []string
		want       string // nothing where the peer's own address counts
	}{
		{"an untrusted address", "203.0.113.1:1", []string{"198.51.100.1"}, ""},
		{"a proxy that says nothing", "10.0.0.1:1", nil, ""},
		{"a proxy", "10.0.0.1:1", []string{"198.51.100.1"}, "198.51.100.1"},
		{"what a client has invented", "10.0.0.1:1", []string{"1.1.1.1, 10.2.2.2, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.0.0.1:1", []string{"1.1.1.1, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"two headers", "10.0.0.1:1", []string{"1.1.1.1, 198.51.100.1", "192.0.2.7"}, "198.51.100.1"},
		{"proxies alone", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"no address last", "10.0.0.1:1", []string{"198.51.100.1, unknown"}, ""},
		{"no address before a proxy", "10.0.0.1:1", []string{"198.51.100.1, _hidden, 10.0.0.2"}, "10.0.0.2"},
		{"empty", "10.0.0.1:1", []string{""}, ""},
		{"with a port", "10.0.0.1:1", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"IPv6", "[2001:db8:1::1]:1", []string{"2001:db8:2::1"}, "2001:db8:2::1"},
		{"IPv6 with a port", "[2001:db8:1::1]:1", []string{"[2001:db8:2::1]:4711"}, "2001:db8:2::1"},
		{"IPv6 in brackets", "10.0.0.1:1", []string{"[2001:db8:2::1]"}, "2001:db8:2::1"},
		{"IPv4 in IPv6", "[::ffff:10.0.0.1]:1", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"a zone", "10.0.0.1:1", []string{"fe80::1%eth0"}, "fe80::1"},
		{"no peer", "pipe", []string{"198.51.100.1"}, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.peer
		r.Header["X-Forwarded-For"] = test.forwarded
		if got, ok := p.client(r); ok != (test.want != "") || ok && got != test.want {
			t.Errorf("%s: got %q, %t, want %q", test.name, got, ok, test.want)
		}
	}
	none := newProxies(nil)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Forwarded-For", "198.51.100.1")
	if _, ok := none.client(r); ok {
		t.Error("without proxies somebody is believed")
	}
}

func FuzzForwardedFor(f *testing.F) {
	f.Add("1.1.1.1, 198.51.100.1, 10.0.0.2")
	f.Add("[::1]:80,,fe80::1%x")
	p := newProxies([]string{"10.0.0.0/8"})
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = "10.0.0.1:1"
		r.Header.Set("X-Forwarded-For", value)
		address, ok := p.client(r)
		if _, known := parseAddress(address); ok && !known {
			t.Errorf("%q is no address", address)
		}
	})
}
