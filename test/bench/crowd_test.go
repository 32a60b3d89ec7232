package main

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/bench/frame"
)

// pipeLink returns a link, and what the proxy would hold of it.
func pipeLink(t *testing.T) (*link, net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return newLink(t.Context(), conn, idleBuffer, frame.Text), other
}

func TestCrowd(t *testing.T) {
	t.Run("holds", func(t *testing.T) {
		l, _ := pipeLink(t)
		c := newCrowd()
		c.add(l)
		if err := c.hold(t.Context(), time.Millisecond); err != nil {
			t.Error(err)
		}
		c.end()
		select {
		case err := <-c.failed:
			t.Errorf("the end is a failure: %v", err)
		default:
		}
	})
	t.Run("fails with a link", func(t *testing.T) {
		l, other := pipeLink(t)
		c := newCrowd()
		defer c.end()
		c.add(l)
		other.Close()
		if err := c.hold(t.Context(), time.Minute); err == nil {
			t.Error("a lost link is no failure")
		}
	})
	t.Run("ends with the run", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := newCrowd().hold(ctx, time.Minute); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestForEachCutsAll(t *testing.T) {
	failing, _ := pipeLink(t)
	waiting, _ := pipeLink(t)
	failure := errors.New("failure")
	err := forEach([]*link{failing, waiting}, func(i int, l *link) error {
		if i == 0 {
			return failure
		}
		_, err := l.next()
		return err
	})
	if !errors.Is(err, failure) {
		t.Errorf("got %v, want the first failure", err)
	}
}
