package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// handing is a proxy whose queue does what a test says.
type handing struct {
	t  *testing.T
	ws *websocket.Conn
}

// handOut returns a client of a proxy that serves one connection, and the context of the test.
func handOut(t *testing.T, serve func(h *handing)) (*Client, context.Context) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		serve(&handing{t, ws})
		_, _, _ = ws.Read(r.Context()) // the close frame
		_ = ws.CloseNow()
	}))
	t.Cleanup(s.Close)
	c, err := New(Options{URL: s.URL, Patience: -1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return c, ctx
}

func idOf(offset int) string { return fmt.Sprintf("t-0-%d-1", offset) }

func (h *handing) say(format string, args ...any) {
	if err := h.ws.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		h.t.Error(err)
	}
}

// record delivers a record for the time count.
func (h *handing) record(offset, count int) {
	h.say(`{"wsProxyMessageId":%q,"topic":"t","partition":0,"offset":%d,"timestamp":1,"value":{"value":"v","format":"string"},"delivery":{"count":%d,"until":1}}`,
		idOf(offset), offset, count)
}

func (h *handing) expire(offset int)  { h.say(`{"expired":[%q]}`, idOf(offset)) }
func (h *handing) confirm(offset int) { h.say(`{"settled":[%q]}`, idOf(offset)) }
func (h *handing) refuse(offset int, code string) {
	h.say(`{"error":{"code":%q,"message":"no","retriable":false},"wsProxyMessageId":%q}`, code, idOf(offset))
	h.say(`{"settled":[]}`)
}

// want reads a message of the worker.
func (h *handing) want(verb string, offset int) {
	var got map[string][]string
	_, message, err := h.ws.Read(context.Background())
	if err == nil {
		err = json.Unmarshal(message, &got)
	}
	if err != nil || len(got[verb]) != 1 || got[verb][0] != idOf(offset) {
		h.t.Errorf("got %s, %v, want %s of %d", message, err, verb, offset)
	}
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if e, ok := errors.AsType[*Error](err); !ok || e.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// works returns the function by which a test takes the next task, which it detaches.
func works(ctx context.Context, t *testing.T, c *Client) func() *Task {
	t.Helper()
	next, stop := iter.Pull2(c.Queue(ctx, QueueOptions{Topic: "t", Group: "g", Window: 2}))
	t.Cleanup(stop)
	return func() *Task {
		t.Helper()
		task, err, ok := next()
		if !ok || err != nil {
			t.Fatalf("there is no task: %v", err)
		}
		task.Detach()
		return task
	}
}

// TestATaskWhoseLockHasEndedSettlesNoLaterDelivery of its record to the same worker: the proxy could not tell it from that.
func TestATaskWhoseLockHasEndedSettlesNoLaterDelivery(t *testing.T) {
	taken := make(chan struct{})
	c, ctx := handOut(t, func(h *handing) {
		h.record(0, 1)
		<-taken
		h.expire(0)
		h.record(0, 2)
		h.want("accept", 0)
		h.confirm(0)
		h.record(1, 1)
	})
	next := works(ctx, t, c)
	first := next()
	close(taken)
	second := next()
	if second.Count != 2 {
		t.Fatalf("got %d for the time %d", second.Offset, second.Count)
	}
	for name, ask := range map[string]func(context.Context) error{
		"accept": first.Accept, "release": first.Release, "reject": first.Reject, "renew": first.Renew,
	} {
		wantCode(t, name, ask(ctx), "LOCK_EXPIRED")
	}
	if err := second.Accept(ctx); err != nil {
		t.Error(err)
	}
	wantCode(t, "another time", second.Release(ctx), "UNKNOWN_MESSAGE_ID")
	if third := next(); third.Offset != 1 {
		t.Errorf("got %d", third.Offset)
	}
}

// TestALateAcknowledgementEndsTheDeliveryThatItHasSettled whether the loop has that already or not.
func TestALateAcknowledgementEndsTheDeliveryThatItHasSettled(t *testing.T) {
	for name, has := range map[string]bool{"it waits": false, "the loop has it": true} {
		t.Run(name, func(t *testing.T) {
			taken := make(chan struct{})
			c, ctx := handOut(t, func(h *handing) {
				h.record(0, 1)
				h.want("accept", 0)
				h.expire(0)
				h.record(0, 2)
				if has {
					<-taken
				}
				h.confirm(0)
				h.record(1, 1)
			})
			next := works(ctx, t, c)
			first, late := next(), make(chan error, 1)
			go func() { late <- first.Accept(ctx) }()
			if has {
				second := next()
				close(taken)
				defer func() { wantCode(t, "the second delivery", second.Accept(ctx), "UNKNOWN_MESSAGE_ID") }()
			}
			if err := <-late; err != nil {
				t.Error(err)
			}
			if task := next(); task.Offset != 1 {
				t.Errorf("record %d is given for the time %d, though it is settled", task.Offset, task.Count)
			}
		})
	}
}

// TestATaskIsAnsweredByItsOwnAnswer where its record was released, and came again before the answer to that.
func TestATaskIsAnsweredByItsOwnAnswer(t *testing.T) {
	c, ctx := handOut(t, func(h *handing) {
		h.record(0, 1)
		h.want("release", 0)
		h.record(0, 2)
		h.want("accept", 0)
		h.confirm(0)
		h.refuse(0, "LOCK_EXPIRED")
	})
	for task, err := range c.Queue(ctx, QueueOptions{Topic: "t", Group: "g"}) {
		if err != nil {
			t.Fatal(err)
		}
		if task.Count == 2 {
			wantCode(t, "the second delivery", task.Accept(ctx), "LOCK_EXPIRED")
			break
		}
	}
}

// TestADeliveryOutlivesTheAnswerToTheOneBefore which comes late, where the proxy has judged that by itself.
func TestADeliveryOutlivesTheAnswerToTheOneBefore(t *testing.T) {
	for name, answer := range map[string]func(*handing){
		"settled": func(h *handing) { h.confirm(0) },
		"refused": func(h *handing) { h.refuse(0, "LOCK_EXPIRED") },
	} {
		t.Run(name, func(t *testing.T) {
			c, ctx := handOut(t, func(h *handing) {
				h.record(0, 1)
				h.want("release", 0)
				h.record(0, 2)
				answer(h)
				h.record(1, 1)
				h.want("accept", 0)
				h.confirm(0)
			})
			next := works(ctx, t, c)
			first, released := next(), make(chan struct{})
			go func() {
				_ = first.Release(ctx) // or not: see answer
				close(released)
			}()
			second := next()
			<-released
			if task := next(); task.Offset != 1 {
				t.Errorf("got %d", task.Offset)
			}
			if err := second.Accept(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestAnswersAreHeardWhileTheLoopIsSlow though locks end meanwhile, and more tasks come than the window takes at a time.
func TestAnswersAreHeardWhileTheLoopIsSlow(t *testing.T) {
	const last = 8
	told := make(chan struct{})
	c, ctx := handOut(t, func(h *handing) {
		for i := range last {
			h.record(i, 1)
			if i == 0 {
				<-told
			} else {
				h.expire(i)
			}
		}
		h.record(last, 1)
		h.want("accept", 0)
		h.confirm(0)
	})
	next := works(ctx, t, c)
	first := next()
	close(told)
	if err := first.Accept(ctx); err != nil {
		t.Fatal(err)
	}
	if task := next(); task.Offset != last {
		t.Errorf("task %d is given, whose lock has ended", task.Offset)
	}
}

// TestAnAcknowledgementFailsWithItsConnection although the loop waits for its answer meanwhile.
func TestAnAcknowledgementFailsWithItsConnection(t *testing.T) {
	c, ctx := handOut(t, func(h *handing) {
		h.record(0, 1)
		h.want("accept", 0)
		_ = h.ws.CloseNow()
	})
	task := works(ctx, t, c)()
	for range 2 {
		if err := task.Accept(ctx); !errors.Is(err, ErrNotHeld) {
			t.Errorf("got %v", err)
		}
	}
}

// TestAFailedAcknowledgementIsGivenAgain while the task is held.
func TestAFailedAcknowledgementIsGivenAgain(t *testing.T) {
	c, ctx := handOut(t, func(h *handing) {
		h.record(0, 1)
		h.want("accept", 0)
		h.refuse(0, "COMMIT_FAILED")
		h.want("accept", 0)
		h.confirm(0)
	})
	task := works(ctx, t, c)()
	wantCode(t, "the first time", task.Accept(ctx), "COMMIT_FAILED")
	if err := task.Accept(ctx); err != nil {
		t.Error(err)
	}
}

// TestMoreTasksThanWereAskedForEndTheConnection so that memory is bounded.
func TestMoreTasksThanWereAskedForEndTheConnection(t *testing.T) {
	w := &work{most: 2, wake: make(chan struct{}, 1), held: make(map[string]*Task)}
	for i := range 3 {
		err := w.arrive(&codec.Delivered{Topic: "t", Delivery: proxy.Delivery{Record: proxy.Record{Offset: int64(i)}}})
		if (err != nil) != (i == 2) {
			t.Errorf("task %d: %v", i, err)
		}
	}
}
