package feed

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestCursor(t *testing.T) {
	for name, c := range map[string]Cursor{
		"nothing": {},
		"topics": {
			{"prices", [16]byte{1, 2, 3}, proxy.Places{0: {Offset: 0, Epoch: -1}, 1: {Offset: math.MaxInt64, Epoch: 7}, math.MaxInt32: {Offset: 5, Epoch: math.MaxInt32}}},
			{strings.Repeat("t", 249), [16]byte{}, proxy.Places{}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := c.String()
			got, err := ParseCursor(text)
			if err != nil || !reflect.DeepEqual(got, c) {
				t.Errorf("%s became %v (%v)", text, got, err)
			}
			for n := range len(text) {
				if _, err := ParseCursor(text[:n]); err == nil {
					t.Errorf("the first %d characters of %s are a cursor", n, text)
				}
			}
			if _, err := ParseCursor(text + "A"); err == nil {
				t.Error("a longer text is a cursor")
			}
		})
	}
	if _, err := ParseCursor(strings.Repeat("A", MaxCursor+1)); err == nil {
		t.Error("a huge text is a cursor")
	}
}

// FuzzParseCursor checks that a cursor has one text only.
func FuzzParseCursor(f *testing.F) {
	f.Add(Cursor{{"t", [16]byte{9}, proxy.Places{3: {Offset: 4, Epoch: 5}}}}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ParseCursor(text); err == nil && c.String() != text {
			t.Fatalf("%q became %q", text, c.String())
		}
	})
}
