package kafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// BootstrapVariable names the environment variable with the address of a running Kafka
// that [Require] shall use, instead of starting one.
const BootstrapVariable = "KAFKA_TEST_BOOTSTRAP"

const (
	// requireAllVariable, set to 1, turns tests that would be skipped for want of a
	// program into failures.
	requireAllVariable = "REQUIRE_ALL"

	// requireTimeout bounds the start of a broker for a test, downloads included.
	requireTimeout = 5 * time.Minute
)

// sharing is a broker of all the tests of a process, or why there is none.
type sharing[B interface{ Close() error }] struct {
	start func(context.Context) (B, error)

	mu      sync.Mutex
	started bool
	broker  B
	err     error
}

// The two variables of this package: tests of one process have nothing else in common that
// could hold their brokers.
var (
	shared       = sharing[*Broker]{start: startOrFind}
	sharedSecure = sharing[*Secure]{start: func(ctx context.Context) (*Secure, error) { return StartSecure(ctx, Options{}) }}
)

// Require returns the broker that the tests of this process share, started by the first
// that asks. Tests must use topics and groups of their own, and leave it running. Where
// a program is missing the test is skipped, or fails if REQUIRE_ALL=1. If
// KAFKA_TEST_BOOTSTRAP is set, that Kafka is used.
//
// On Linux the broker ends with the process. A package that shall leave nothing behind
// elsewhere calls [CloseShared] in its TestMain. One goroutine waits for the broker's end,
// in (*process).run: a leak check ignores it with goleak.IgnoreAnyFunction, or by looking
// at what ran before it.
func Require(t testing.TB) *Broker {
	t.Helper()
	b, err := shared.get()
	if err != nil {
		giveUp(t, err)
	}
	return b
}

// RequireOwn returns a broker for one test alone, which it may kill, pause and restart,
// and which is closed at the test's end. If the test failed, the end of the broker's log
// is shown. It never uses KAFKA_TEST_BOOTSTRAP; otherwise see [Require].
func RequireOwn(t testing.TB, o Options) *Broker {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), requireTimeout)
	defer cancel()
	b, err := Start(ctx, o)
	if err != nil {
		giveUp(t, err)
	}
	t.Cleanup(func() { closeAfter(t, b) })
	return b
}

func closeAfter(t testing.TB, b *Broker) {
	t.Helper()
	if t.Failed() {
		t.Logf("the broker's log ends with:\n%s", b.LogTail())
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// RequireTools returns Kafka's tools. Where a program is missing it does as [Require].
func RequireTools(t testing.TB) *Tools {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), requireTimeout)
	defer cancel()
	tools, err := NewTools(ctx)
	if err != nil {
		giveUp(t, err)
	}
	return tools
}

// CloseShared closes the brokers that [Require] and [RequireSecure] started, if they did.
func CloseShared() error {
	return errors.Join(shared.close(), sharedSecure.close())
}

// get returns the broker; a start that failed is not tried again.
func (s *sharing[B]) get() (B, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started {
		ctx, cancel := context.WithTimeout(context.Background(), requireTimeout)
		defer cancel()
		s.broker, s.err = s.start(ctx)
		s.started = true
	}
	return s.broker, s.err
}

func (s *sharing[B]) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	started := s.started && s.err == nil
	s.started = false
	if !started {
		return nil
	}
	return s.broker.Close()
}

func startOrFind(ctx context.Context) (*Broker, error) {
	bootstrap := os.Getenv(BootstrapVariable)
	if bootstrap == "" {
		return Start(ctx, Options{})
	}
	first, _, _ := strings.Cut(bootstrap, ",")
	if _, err := countBrokers(ctx, first); err != nil {
		return nil, fmt.Errorf("using the Kafka of %s=%s: %w", BootstrapVariable, bootstrap, err)
	}
	return &Broker{external: bootstrap}, nil
}

// giveUp ends the test: a missing program skips it, anything else is a failure.
func giveUp(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrMissing) && os.Getenv(requireAllVariable) != "1" {
		t.Skipf("needs a real Kafka: %v", err)
	}
	t.Fatal(err)
}
