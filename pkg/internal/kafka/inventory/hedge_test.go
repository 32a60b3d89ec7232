package inventory

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestHedged(t *testing.T) {
	refused := errors.New("refused")
	silence := func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	refusal := func(context.Context) (int, error) { return 0, refused }
	answer := func(context.Context) (int, error) { return 1, nil }
	late := func(context.Context) (int, error) {
		time.Sleep(hedgeDelay + time.Millisecond)
		return 2, nil
	}
	for _, test := range []struct {
		name     string
		attempts []func(context.Context) (int, error) // the last one is that of all others
		want     int
		err      error
		took     time.Duration
		made     int
	}{
		{"an answer", []func(context.Context) (int, error){answer}, 1, nil, 0, 1},
		{"a silent broker", []func(context.Context) (int, error){silence, answer}, 1, nil, hedgeDelay, 2},
		{"two silent brokers", []func(context.Context) (int, error){silence, silence, answer}, 1, nil, 2 * hedgeDelay, 3},
		{"a broker that refuses", []func(context.Context) (int, error){refusal, answer}, 1, nil, 0, 2},
		{"a slow broker", []func(context.Context) (int, error){late, silence}, 2, nil, hedgeDelay + time.Millisecond, 2},
		{"brokers that refuse", []func(context.Context) (int, error){refusal}, 0, refused, 0, hedges},
		{"silent brokers", []func(context.Context) (int, error){silence}, 0, context.DeadlineExceeded, time.Minute, hedges},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var made atomic.Int32
				began := time.Now()
				got, err := hedged(ctx, func(ctx context.Context) (int, error) {
					return test.attempts[min(int(made.Add(1)), len(test.attempts))-1](ctx)
				})
				if took := time.Since(began); got != test.want || !errors.Is(err, test.err) || took != test.took || int(made.Load()) != test.made {
					t.Errorf("got %d, %v after %v and %d attempts", got, err, took, made.Load())
				}
			})
		})
	}
}
