package cluster

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/kafkatest"
)

// TestCutEndsWhatWaits sends requests to a broker that accepts connections and does not answer: franz-go
// waits 5 s for the first answer on a connection.
func TestCutEndsWhatWaits(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := connectTo(t, silent.Addr().String())
	answered := make(chan error, 2)
	ask := func() {
		_, err := c.Admin.BrokerMetadata(t.Context())
		answered <- err
	}
	go ask()
	accepted, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	began := time.Now()
	c.Cut()
	go ask() // it opens no other connection
	for range 2 {
		if err := <-answered; err == nil {
			t.Error("a silent broker has answered")
		}
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the requests went on for %v", took)
	}
	if err := accepted.SetReadDeadline(time.Now().Add(kafkatest.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, accepted); err != nil { // the requests, and then the end
		t.Errorf("the connection is open: %v", err)
	}
}
