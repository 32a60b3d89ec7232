package cluster

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// TestCutEndsWhatWaits asks a broker that takes connections and is silent, which no context ends:
// franz-go waits 5 s for the first answer.
func TestCutEndsWhatWaits(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := connectTo(t, silent.Addr().String())
	answered := make(chan error, 1)
	go func() {
		_, err := c.Admin.BrokerMetadata(t.Context())
		answered <- err
	}()
	accepted, err := silent.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	began := time.Now()
	c.Cut()
	if err := <-answered; err == nil {
		t.Error("a silent broker has answered")
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the request went on for %v", took)
	}
	if _, err := c.security.connect(t.Context(), "tcp", silent.Addr().String()); !errors.Is(err, errCut) && !errors.Is(err, context.Canceled) {
		t.Errorf("another connection: %v", err)
	}
}

func TestDialsThatComeTooLateAreClosed(t *testing.T) {
	c := newConnections()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	dial := c.through(func(context.Context, string, string) (net.Conn, error) {
		c.cut()
		return ours, nil
	})
	if _, err := dial(t.Context(), "tcp", "broker:9092"); !errors.Is(err, errCut) {
		t.Errorf("got %v", err)
	}
	if _, err := ours.Write([]byte("x")); err == nil {
		t.Error("the connection is open")
	}
	if len(c.open) > 0 {
		t.Errorf("%d connections are kept", len(c.open))
	}
}
