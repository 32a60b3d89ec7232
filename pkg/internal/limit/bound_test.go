package limit_test

import (
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/limit"
)

func TestBound(t *testing.T) {
	changed := limit.NewBound(9)
	changed.Set(2)
	lifted := limit.NewBound(1)
	lifted.Set(0)
	for _, tc := range []struct {
		name  string
		bound *limit.Bound
		want  int // of 5
	}{
		{"nil", nil, 5},
		{"none", limit.NewBound(0), 5},
		{"negative", limit.NewBound(-1), 5},
		{"lower", limit.NewBound(3), 3},
		{"higher", limit.NewBound(7), 5},
		{"changed", changed, 2},
		{"lifted", lifted, 5},
	} {
		if got := tc.bound.Of(5); got != tc.want {
			t.Errorf("%s: got %d, want %d", tc.name, got, tc.want)
		}
	}
}
