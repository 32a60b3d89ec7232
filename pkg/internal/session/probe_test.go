package session

import (
	"slices"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TestAProbeWaitsWhileTheLogStandsStill moves the log's leader while a live client is asked for a sign of life.
func TestAProbeWaitsWhileTheLogStandsStill(t *testing.T) {
	for _, still := range []time.Duration{500 * time.Millisecond, 1900 * time.Millisecond, 2100 * time.Millisecond, 2500 * time.Millisecond, 3500 * time.Millisecond} {
		virtually(t, func(t *testing.T, l *topic, a, b *Sessions) {
			t.Helper()
			live := newConnection(true)
			a.mustClaim(t, consumer("one", nil), live)
			l.mu.Lock()
			l.stillAfterProbe = still
			l.mu.Unlock()
			b.wantRefusal(t, consumer("one", nil), proxy.KindDuplicateClient)
			live.stays(t)
		})
	}
}

// at lets a replica read a record, at the time of its last call.
func (r *replica) at(offset int64, seconds float64, record Record) {
	at := time.UnixMilli(1_700_000_000_000).Add(time.Duration(seconds * float64(time.Second)))
	r.read(at, readLog(offset, at, record.Key, record.Value))
	r.tick(at)
}

// TestAnAnswerBeforeTheTakeoverCounts has the answer to a probe come late, and the claim that takes over later
// or earlier.
func TestAnAnswerBeforeTheTakeoverCounts(t *testing.T) {
	for name, late := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			var written []Record
			r := newReplica(Settings{Server: "b", Lease: 15 * time.Second, ProbeTimeout: 2 * time.Second},
				func() string { return "b" }, func(records []Record, answered func(error)) {
					written = append(written, records...)
					answered(nil)
				}, func(string) {})
			// last returns the last record of a kind that was written.
			last := func(prefix string) (found Record) {
				for _, w := range written {
					if len(w.Key) > len(prefix) && w.Key[:len(prefix)] == prefix && w.Value != nil {
						found = w
					}
				}
				return found
			}
			begin := time.UnixMilli(1_700_000_000_000)
			r.readToEnd(begin)
			r.at(0, 0, claimOf("1", "a", func(c *claim) {
				c.State, c.Asked, c.Replica = admitted, begin.UnixMilli(), "a"
			}))
			r.at(1, 0, last(replicaKey+"b")) // a fresh view
			var result *proxy.Error
			r.claim(begin, Request{Kind: Consumer, Client: "a", Group: "g", Topic: "t", Partitions: 1}, func(e *proxy.Error) { result = e })
			asked := last(probeKey)
			r.at(2, 0, asked)
			for i := range 5 {
				r.at(int64(3+i), float64(1+i)/2, set("replica/a", &beat{Server: "a", Lease: 15_000}))
			}
			takeover := last(claimKey)
			if takeover.Key == "" {
				t.Fatal("nobody takes over from a client that gave no sign of life")
			}
			answer := set(asked.Key, &probe{Claim: "1", By: "b", Alive: true, From: "a"})
			if late {
				r.at(8, 2.6, takeover)
				r.at(9, 2.7, answer)
				if result != nil {
					t.Errorf("the takeover precedes the answer, and fails: %v", result)
				}
				return
			}
			r.at(8, 2.6, answer)
			r.at(9, 2.7, takeover)
			if result == nil || result.Kind != proxy.KindDuplicateClient {
				t.Errorf("the client is alive, and its rival ends with %v", result)
			}
			if !slices.ContainsFunc(written, func(w Record) bool { return w.Key == takeover.Key && w.Value == nil }) {
				t.Error("the takeover is not removed")
			}
		})
	}
}

// TestAnAnswerIsTheSignOfLifeOfItsWriter has a replica answer for its client.
func TestAnAnswerIsTheSignOfLifeOfItsWriter(t *testing.T) {
	s := newStory()
	s.at(0, set("replica/asks", &beat{Server: "b", Lease: 15_000}))
	s.at(0, set("replica/answers", &beat{Server: "a", Lease: 15_000}))
	s.at(1, set("probe/x", &probe{Claim: "1", By: "asks"}))
	s.at(2, set("probe/x", &probe{Claim: "1", By: "asks", Alive: true, From: "answers"}))
	if asks, answers := s.fold.lastOf("asks"), s.fold.lastOf("answers"); asks != 2 || answers != 3 {
		t.Errorf("the last record of who asks is %d, of who answers %d", asks, answers)
	}
}
