package proxy

import (
	"math"
	"runtime"
	"strings"
	"testing"
)

func TestPosition(t *testing.T) {
	for name, test := range map[string]struct {
		id   string
		want Position
	}{
		"the contract's example": {"foobar-0-1-1554402266846", Position{"foobar", 0, 1, 1554402266846}},
		"topic with dashes":      {"foo-bar-0-3-0-1-2", Position{"foo-bar-0-3", 0, 1, 2}},
		"topic ends in a dash":   {"foo--0-1-2", Position{"foo-", 0, 1, 2}},
		"topic is a dash":        {"--0-1-2", Position{"-", 0, 1, 2}},
		"no timestamp":           {"foo-0-1--1", Position{"foo", 0, 1, -1}},
		"largest numbers":        {"foo-2147483647-9223372036854775807-9223372036854775807", Position{"foo", math.MaxInt32, math.MaxInt64, math.MaxInt64}},
		"smallest timestamp":     {"foo-0-0--9223372036854775808", Position{"foo", 0, 0, math.MinInt64}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParsePosition(test.id)
			if err != nil || got != test.want {
				t.Errorf("parse: got %+v, %v, want %+v", got, err, test.want)
			}
			if id := test.want.String(); id != test.id {
				t.Errorf("print: got %s, want %s", id, test.id)
			}
			if id := test.want.Append([]byte("x")); string(id) != "x"+test.id {
				t.Errorf("append: got %s", id)
			}
		})
	}
}

func TestParsePositionRefuses(t *testing.T) {
	for name, id := range map[string]string{
		"nothing":                "",
		"dashes":                 "----",
		"no dash":                "foo",
		"two parts":              "foo-1",
		"three parts":            "foo-0-1",
		"no topic":               "-0-1-2",
		"no partition":           "foo--1-2",
		"no offset":              "foo-0--2",
		"empty timestamp":        "foo-0-1-",
		"letters as timestamp":   "foo-0-1-x",
		"letters as offset":      "foo-0-x-2",
		"letters as partition":   "foo-x-1-2",
		"leading zero":           "foo-0-1-02",
		"leading zero in offset": "foo-0-01-2",
		"plus":                   "foo-0-+1-2",
		"minus zero":             "foo-0-1--0",
		"space":                  "foo-0-1-2 ",
		"underscore":             "foo-0-1_0-2",
		"partition overflow":     "foo-2147483648-1-2",
		"offset overflow":        "foo-0-9223372036854775808-2",
		"timestamp overflow":     "foo-0-1-9223372036854775808",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := ParsePosition(id); err == nil || got != (Position{}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// FuzzMessageID states that an accepted id equals the text of its position, that none of its parts
// is out of a record's range, and that reading an id allocates in proportion to its length.
func FuzzMessageID(f *testing.F) {
	for _, seed := range []string{"foobar-0-1-1554402266846", "a-b--0-1--1", "--0-1-2", "t-2147483648-1-2", "t-0-01-2", "t-0-1--0", "", "-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := ParsePosition(id)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(1<<16+50*len(id)) {
			t.Fatalf("%d bytes allocated for an id of %d", took, len(id))
		}
		if err != nil {
			return
		}
		if p.String() != id {
			t.Fatalf("%q is accepted, but printed as %q", id, p)
		}
		if p.Topic == "" || p.Partition < 0 || p.Offset < 0 {
			t.Fatalf("%q is accepted as %+v", id, p)
		}
	})
}

// FuzzPosition states that every position a record can have is read back from its id.
func FuzzPosition(f *testing.F) {
	f.Add("foobar", int32(0), int64(1), int64(1554402266846))
	f.Add("a-1-2-", int32(math.MaxInt32), int64(math.MaxInt64), int64(-1))
	f.Fuzz(func(t *testing.T, topic string, partition int32, offset, timestamp int64) {
		if topic == "" || partition < 0 || offset < 0 {
			return
		}
		want := Position{topic, partition, offset, timestamp}
		if got, err := ParsePosition(want.String()); err != nil || got != want {
			t.Fatalf("%q: got %+v, %v, want %+v", want, got, err, want)
		}
	})
}

func TestParsePositionRefusesLongTextCheaply(t *testing.T) {
	if _, err := ParsePosition(strings.Repeat("-", 1<<20)); err == nil {
		t.Error("a megabyte of dashes is accepted")
	}
}
