package client

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOptionsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"no URL":            {Options{}, "must be like ws://host:8078"},
		"another scheme":    {Options{URL: "kafka://h:9092"}, "must be like ws://host:8078"},
		"no host":           {Options{URL: "ws:///x"}, "names no host"},
		"a password in it":  {Options{URL: "ws://a:sesame@h"}, "give them by themselves"},
		"a query":           {Options{URL: "ws://h/?topic=x"}, "without what is behind ?"},
		"user and token":    {Options{URL: "ws://h", User: "a", Token: StaticToken("t")}, "both a user and a token"},
		"what is no URL":    {Options{URL: "ws://h:\x7f"}, "the URL of the proxy"},
		"a colon in a user": {Options{URL: "ws://h", User: "a:b"}, "has a colon"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(test.options); err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestWhetherAnotherConnectionIsTried goes through the endings that there are.
func TestWhetherAnotherConnectionIsTried(t *testing.T) {
	token := Options{Token: StaticToken("t")}
	for name, test := range map[string]struct {
		err     error
		options Options
		again   bool
		most    time.Duration
	}{
		"the network":            {errors.New("cut"), Options{}, true, leastPause * 3 / 2},
		"the network, impatient": {errors.New("cut"), Options{Patience: -1}, false, 0},
		"a replica that drains":  {&Error{Close: 1012}, Options{}, true, spread},
		"an overloaded proxy":    {&Error{Close: 1013}, Options{}, true, leastPause * 3 / 2},
		"a limit":                {&Error{Close: 4429}, Options{}, true, leastPause * 3 / 2},
		"a limit that says when": {&Error{Status: 429, Retriable: true, after: 4 * time.Second}, Options{}, true, 6 * time.Second},
		"a bad parameter":        {&Error{Close: 4400}, Options{}, false, 0},
		"an expired token":       {&Error{Close: 4401}, token, true, leastPause * 3 / 2},
		"no token":               {&Error{Close: 4401}, Options{}, false, 0},
		"no right":               {&Error{Close: 4403}, token, false, 0},
		"a deleted topic":        {&Error{Close: 4404}, Options{}, false, 0},
		"another of the name":    {&Error{Close: 4409}, Options{}, false, 0},
		"a refused name":         {&Error{Status: 409}, Options{}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var r retries
			pause, again := r.next(test.err, &test.options)
			if again != test.again || pause > test.most {
				t.Errorf("again: %v, after %v", again, pause)
			}
		})
	}
}

// TestASecondTokenThatIsRefusedIsTheLast so that a bad source of tokens is not asked for ever.
func TestASecondTokenThatIsRefusedIsTheLast(t *testing.T) {
	var r retries
	o := Options{Token: StaticToken("t")}
	refused := &Error{Status: http.StatusUnauthorized}
	if _, again := r.next(refused, &o); !again {
		t.Error("there is no second try")
	}
	if _, again := r.next(refused, &o); again {
		t.Error("there is a third try")
	}
}

func TestPausesGrowUpToTheirBound(t *testing.T) {
	var r retries
	longest := time.Duration(0)
	for range 100 {
		pause, again := r.next(errors.New("cut"), &Options{})
		if !again || pause > mostPause*3/2 {
			t.Fatalf("again: %v, after %v", again, pause)
		}
		longest = max(longest, pause)
	}
	if longest < mostPause/2 {
		t.Errorf("the longest pause is %v", longest)
	}
}

// TestPatienceEnds where there is nobody to talk to.
func TestPatienceEnds(t *testing.T) {
	s := httptest.NewServer(nil)
	address := s.Listener.Addr().String()
	s.Close()
	told := 0
	c, err := New(Options{URL: "ws://" + address, Patience: time.Millisecond, Notify: func(error, time.Duration) { told++ }})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range c.Consume(t.Context(), ConsumeOptions{Topic: "t"}) {
		if err == nil || !strings.Contains(err.Error(), "connecting to "+address+": ") || strings.Contains(err.Error(), "clientId") {
			t.Errorf("got %v", err)
		}
	}
	if told == 0 {
		t.Error("nobody was told")
	}
}

// TestAWindowAdmitsWhatIsLargerThanIt when there is nothing else.
func TestAWindowAdmitsWhatIsLargerThanIt(t *testing.T) {
	w := window{most: 10, mostBytes: 100}
	if err := w.take(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.take(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("there is room beside it: %v", err)
	}
	w.give(1, 1000)
	if err := w.awaitEmpty(t.Context()); err != nil {
		t.Error(err)
	}
	w.close(ErrClosed)
	if err := w.take(t.Context(), 1); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed window: %v", err)
	}
}

// TestABacklogKeepsItsOrder while frames are answered, sent again and made smaller.
func TestABacklogKeepsItsOrder(t *testing.T) {
	b := backlog{mostBytes: mostBatchBytes}
	take := func(want string) {
		t.Helper()
		if got, _ := b.next(nil); string(got) != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	b.push(entry{frame: []byte("1")})
	take("[1]")
	b.push(entry{frame: []byte("2")})
	b.push(entry{frame: []byte("3")})
	take("[2,3]")
	take("")
	if b.awaits(2) || !b.awaits(1) {
		t.Error("the first frame has one message")
	}
	b.pop()
	b.again()
	b.push(entry{frame: []byte("4444")})
	take("[2,3,4444]")
	if _, ok := b.shrink(); !ok {
		t.Error("the frame is not made smaller")
	}
	b.again()
	take("[2,3]")
	take("[4444]")
	if failed, ok := b.shrink(); !ok || string(failed.frame) != "4444" || b.len() != 2 {
		t.Errorf("%q has failed", failed.frame)
	}
}
