package inventory

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func TestInsist(t *testing.T) {
	lost := errors.New("the connection was lost")
	old := errors.New("broker is too old; it does not know the request")
	for name, test := range map[string]struct {
		errs []error // of the attempts; the last one is that of all others
		want error
		made int
	}{
		"an answer":             {[]error{nil}, nil, 1},
		"an answer after two":   {[]error{lost, lost, nil}, nil, 3},
		"no answer":             {[]error{lost}, lost, attempts},
		"a refusal":             {[]error{kerr.GroupIDNotFound}, kerr.GroupIDNotFound, 1},
		"a refusal in parts":    {[]error{&kadm.ShardErrors{Errs: []kadm.ShardError{{Err: kerr.GroupIDNotFound}}}}, kerr.GroupIDNotFound, 1},
		"an old broker":         {[]error{old}, old, 1},
		"a refusal after a try": {[]error{lost, kerr.NonEmptyGroup}, kerr.NonEmptyGroup, 2},
	} {
		made := 0
		got, err := insist(t.Context(), func(context.Context) (int, error) {
			made++
			return made, test.errs[min(made, len(test.errs))-1]
		})
		if !errors.Is(err, test.want) || made != test.made || got != made {
			t.Errorf("%s: got %v, %d after %d attempts", name, err, got, made)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	made := 0
	if _, err := insist(ctx, func(context.Context) (int, error) { made++; return 0, lost }); !errors.Is(err, lost) || made != 1 {
		t.Errorf("without time: got %v after %d attempts", err, made)
	}
}
