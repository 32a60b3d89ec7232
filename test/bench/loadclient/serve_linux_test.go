package loadclient

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// process is Serve, as who starts a process of it sees it.
type process struct {
	t       *testing.T
	orders  *json.Encoder
	reports *json.Decoder
}

func start(t *testing.T) process {
	t.Helper()
	in, orders, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reports, output := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Serve(in, output) }()
	t.Cleanup(func() {
		orders.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		in.Close()
	})
	return process{t, json.NewEncoder(orders), json.NewDecoder(reports)}
}

func (p process) do(c Command) (r Report) {
	p.t.Helper()
	if err := p.orders.Encode(c); err != nil {
		p.t.Fatal(err)
	}
	if err := p.reports.Decode(&r); err != nil {
		p.t.Fatal(err)
	}
	return r
}

// await asks for reports until one is as wanted.
func (p process) await(what string, isSo func(Report) bool) Report {
	p.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		r := p.do(Command{})
		if isSo(r) {
			return r
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waiting for %s: got %+v", what, r)
		}
		<-time.After(time.Millisecond)
	}
}

// speak sends what a tail may send, with a record of the number that the query has, and a ping.
func speak(t *testing.T, w http.ResponseWriter, r *http.Request) {
	t.Helper()
	if r.URL.Path != "/socket/tail" {
		http.Error(w, "no such topic", http.StatusBadRequest)
		return
	}
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = c.CloseNow() }()
	ctx := c.CloseRead(r.Context())
	if err := c.Ping(ctx); err != nil {
		t.Errorf("a ping was not answered: %v", err)
	}
	var number uint64
	_, _ = fmt.Sscan(r.URL.Query().Get("key"), &number)
	value := Stamp{Sent: time.Now().Add(-time.Second), Number: number, Final: number%2 == 0}.Append(nil)
	for _, text := range []string{
		`{"tail":{"topics":[{"topic":"t","partitions":1}]}}`,
		`{"snapshot":{"topic":"t","state":"begin"}}`, `{"snapshot":{"topic":"t","state":"end","keys":1}}`,
		fmt.Sprintf(`{"wsProxyMessageId":"t-0-1-1","topic":"t","value":{"value":"%s%s","format":"string"}}`, value, strings.Repeat("x", 100_000)),
		`{"gap":{"topic":"t"}}`, `{"conflated":{"topic":"t"}}`, `{"cursor":"c"}`,
	} {
		if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}
	<-ctx.Done()
}

func TestServe(t *testing.T) {
	const sockets = 50
	for name, secure := range map[string]bool{"plain": false, "over TLS": true} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { speak(t, w, r) }))
			plan := &Plan{Path: "/socket/tail", AtOnce: 7}
			if secure {
				server.StartTLS()
				plan.Authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
			} else {
				server.Start()
			}
			t.Cleanup(server.Close)
			plan.Addr = server.Listener.Addr().String()
			var sum uint64
			for n := range uint64(sockets) {
				plan.Queries, sum = append(plan.Queries, fmt.Sprintf("key=%d", n)), sum+n
			}
			p := start(t)
			p.do(Command{Open: plan})
			r := p.await("all frames", func(r Report) bool { return r.Cursors == sockets || r.Lost > 0 })
			if r.Opened != sockets || r.Greeted != sockets || r.Records != sockets || r.Sum != sum ||
				r.Snapshots != sockets || r.Gaps != sockets || r.Conflated != sockets || r.Lost != 0 {
				t.Errorf("got %+v", r)
			}
			if r.Latency.Count != sockets || r.Final.Count != sockets/2 || r.Latency.P50 < time.Second || r.Latency.Max > time.Minute {
				t.Errorf("got the latencies %+v, of final ones %+v", r.Latency, r.Final)
			}
			p.do(Command{Mark: true})
			if r := p.do(Command{}); r.Latency != (Summary{}) || r.Records != sockets {
				t.Errorf("after a mark: got %+v", r)
			}
			server.CloseClientConnections()
		})
	}
}

func TestServeTellsOfFailures(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { speak(t, w, r) }))
	gone := httptest.NewServer(nil)
	gone.Close()
	t.Cleanup(server.Close)
	for name, c := range map[string]struct {
		plan Plan
		want string
	}{
		"refused":   {Plan{Addr: server.Listener.Addr().String(), Path: "/socket/out"}, "400 Bad Request"},
		"not there": {Plan{Addr: gone.Listener.Addr().String(), Path: "/"}, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			c.plan.Queries, c.plan.AtOnce = []string{"a=b", "c=d"}, 1
			p := start(t)
			p.do(Command{Open: &c.plan})
			r := p.await("all to be lost", func(r Report) bool { return r.Lost == 2 })
			if r.Opened != 0 || !strings.Contains(r.Failure, c.want) {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestServeRefuses(t *testing.T) {
	in, orders, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	if _, err := orders.WriteString("{\n"); err != nil {
		t.Fatal(err)
	}
	if err := Serve(in, io.Discard); err == nil {
		t.Error("it takes what is no command")
	}
	orders.Close()
}
