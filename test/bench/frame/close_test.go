package frame

import (
	"errors"
	"testing"
)

func TestClosed(t *testing.T) {
	for payload, want := range map[string]string{"": ErrClosed.Error(), "\x11\x34gone": ErrClosed.Error() + " with 4404: gone"} {
		if err := Closed([]byte(payload)); !errors.Is(err, ErrClosed) || err.Error() != want {
			t.Errorf("Closed(%q) = %v, want %s", payload, err, want)
		}
	}
}
