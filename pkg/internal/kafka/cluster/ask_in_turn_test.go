package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestAskingBrokersInTurn(t *testing.T) {
	reset := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	silent := func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	fails := func(context.Context) (int, error) { return 0, reset }
	refuses := func(context.Context) (int, error) { return 0, kerr.ClusterAuthorizationFailed }
	answers := func(context.Context) (int, error) { return 1, nil }
	slow := func(context.Context) (int, error) {
		time.Sleep(askStep + time.Millisecond)
		return 2, nil
	}
	type brokers []func(context.Context) (int, error)
	for name, test := range map[string]struct {
		brokers brokers
		want    int
		err     error
		took    time.Duration
		asked   int32
	}{
		"one that answers":               {brokers{answers, fails}, 1, nil, 0, 1},
		"a silent one":                   {brokers{silent, answers}, 1, nil, askStep, 2},
		"two silent ones":                {brokers{silent, silent, answers}, 1, nil, 2 * askStep, 3},
		"one that fails":                 {brokers{fails, answers}, 1, nil, 0, 2},
		"a slow one beside a silent one": {brokers{slow, silent, silent}, 2, nil, askStep + time.Millisecond, 2},
		"one that refuses":               {brokers{refuses, answers}, 0, kerr.ClusterAuthorizationFailed, 0, 1},
		"only failures":                  {brokers{fails, fails}, 0, reset, 0, 2},
		"silence":                        {brokers{silent, silent}, 0, context.DeadlineExceeded, time.Minute, 2},
		"no broker":                      {nil, 0, errNoBrokerKnown, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				var asked atomic.Int32
				began := time.Now()
				got, err := askInTurn(ctx, make([]*kgo.Broker, len(test.brokers)), func(ctx context.Context, _ *kgo.Broker) (int, error) {
					return test.brokers[asked.Add(1)-1](ctx)
				})
				if took := time.Since(began); got != test.want || !errors.Is(err, test.err) || took != test.took || asked.Load() != test.asked {
					t.Errorf("got %d, %v after %v from %d brokers", got, err, took, asked.Load())
				}
			})
		})
	}
}
