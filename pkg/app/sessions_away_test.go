package app_test

import (
	"context"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/app"
)

const stateTopic = "_wsproxy.session.state"

// holding holds requests for the topic of sessions, as a broker does that hangs.
type holding struct {
	broker  *kfake.Cluster
	state   atomic.Pointer[[16]byte] // the topic's id while they are held
	seen    chan struct{}            // receives when one is held
	release chan struct{}
}

// hold prepares a broker for holding requests of a kind.
func hold(broker *kfake.Cluster, key kmsg.Key) *holding {
	h := &holding{broker: broker, seen: make(chan struct{}, 100), release: make(chan struct{})}
	broker.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
		broker.KeepControl()
		if h.holds(r) {
			h.seen <- struct{}{}
			broker.SleepControl(func() { <-h.release })
		}
		return nil, nil, false
	})
	return h
}

func (h *holding) begin() {
	id := h.broker.TopicInfo(stateTopic).TopicID
	h.state.Store(&id)
}

func (h *holding) end() {
	h.state.Store(nil)
	close(h.release)
}

func (h *holding) holds(r kmsg.Request) bool {
	id := h.state.Load()
	switch r := r.(type) {
	case *kmsg.FetchRequest:
		return id != nil && len(r.Topics) == 1 && r.Topics[0].TopicID == *id
	case *kmsg.ProduceRequest:
		return id != nil && len(r.Topics) == 1 && (r.Topics[0].Topic == stateTopic || r.Topics[0].TopicID == *id)
	default:
		return false
	}
}

// TestSessionsAwayAreNobodyElsesReadiness has Kafka answer no fetch of the topic of sessions. The replica
// must stay ready, refuse what needs a session at once, and serve the rest.
func TestSessionsAwayAreNobodyElsesReadiness(t *testing.T) {
	broker := newBroker(t)
	fetches := hold(broker, kmsg.Fetch)
	a := start(t, app.Options{Config: configure(t, broker.ListenAddrs()[0])})
	awaitReadiness(t, a, http.StatusOK)
	before := dial(t, a, "/socket/out?clientId=before&topic=t")
	before.SetReadLimit(-1)
	fetches.begin()
	awaitCheck(t, a, "sessions", "behind")
	if status, checks := readiness(t, a); status != http.StatusOK {
		t.Errorf("/readyz answers %d, %v", status, checks)
	}

	began := time.Now()
	status, retry := handshake(t, a, "/socket/out?clientId=c&topic=t")
	if took := time.Since(began); status != http.StatusServiceUnavailable || took > 500*time.Millisecond {
		t.Errorf("a new consumer is answered %d after %s", status, took)
	}
	if seconds, err := strconv.Atoi(retry); err != nil || seconds < 1 {
		t.Errorf("Retry-After is %q", retry)
	}
	producer := dial(t, a, "/socket/in?clientId=p&topic=t")
	send(t.Context(), producer, 1)
	wantAcks(t, producer, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, _, err := before.Read(ctx); err != nil {
		t.Errorf("an open consumer: %v", err)
	}

	fetches.end()
	awaitCheck(t, a, "sessions", "ok")
	dial(t, a, "/socket/out?clientId=c&topic=t")
}

// TestWaitingForASessionTakesNoPlaceOfOthers has Kafka answer no write to the topic of sessions, while
// an address may have one handshake in progress.
func TestWaitingForASessionTakesNoPlaceOfOthers(t *testing.T) {
	broker := newBroker(t)
	writes := hold(broker, kmsg.Produce)
	a := start(t, app.Options{Config: configure(t, broker.ListenAddrs()[0], "WSPROXY_MAX_HANDSHAKES=2")})
	awaitReadiness(t, a, http.StatusOK)
	writes.begin()
	answered := make(chan int, 1)
	go func() {
		status, _ := handshake(t, a, "/socket/out?clientId=c&topic=t")
		answered <- status
	}()
	<-writes.seen // the consumer waits for its session
	for range 3 {
		dial(t, a, "/socket/in?clientId=p&topic=t")
	}
	if len(answered) > 0 {
		t.Errorf("the consumer was answered %d meanwhile", <-answered)
	}
	writes.end()
	if status := <-answered; status != http.StatusSwitchingProtocols {
		t.Errorf("the consumer is answered %d", status)
	}
}

// handshake makes a handshake, closes the connection, and returns the answer's status and Retry-After.
func handshake(t *testing.T, a *app.App, path string) (status int, retry string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, answer, err := websocket.Dial(ctx, "ws://"+a.Addr()+path, nil) //nolint:bodyclose // the library closes it
	if err == nil {
		_ = conn.CloseNow()
	}
	if answer == nil {
		t.Errorf("no answer: %v", err)
		return 0, ""
	}
	return answer.StatusCode, answer.Header.Get("Retry-After")
}

func awaitCheck(t *testing.T, a *app.App, name, want string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		status, checks := readiness(t, a)
		if checks[name] == want {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			t.Fatalf("/readyz answers %d, %v", status, checks)
		}
	}
}
