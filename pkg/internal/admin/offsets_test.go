package admin

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestBadOffsets(t *testing.T) {
	for _, test := range []struct {
		name, body string
		kind       proxy.Kind
		message    string // how it begins
	}{
		{"empty", ``, proxy.KindInvalidJSON, "The body is not JSON."},
		{"no JSON", `[{"partition":0,}]`, proxy.KindInvalidJSON, "The body is not JSON."},
		{"something behind it", `[] []`, proxy.KindInvalidJSON, "The body is not JSON."},
		{"not UTF-8", "[{\"partition\":0,\"offset\":0,\"metadata\":\"\xff\"}]", proxy.KindInvalidJSON, "The body is not JSON."},
		{"very deep", strings.Repeat("[", 100_000), proxy.KindInvalidJSON, "The body is not JSON."},
		{"null", `null`, proxy.KindInvalidValue, "The body must be an array"},
		{"an object", `{"partition":0,"offset":0}`, proxy.KindInvalidValue, "The body must be an array"},
		{"an empty object", `{}`, proxy.KindInvalidValue, "The body must be an array"},
		{"two places", `{"to":"latest","shift":1}`, proxy.KindInvalidValue, "The body must be an array"},
		{"one place twice", `{"shift":1,"shift":1}`, proxy.KindInvalidValue, "The body must be an array"},
		{"another place", `{"to":"begin"}`, proxy.KindInvalidValue, `"to" must be "earliest" or "latest".`},
		{"no place", `{"to":null}`, proxy.KindInvalidValue, `"to" must be "earliest" or "latest".`},
		{"an early time", `{"timestamp":-1}`, proxy.KindInvalidValue, `"timestamp" must be a whole number of milliseconds from 0 to 9223372036854775807.`},
		{"a time in words", `{"timestamp":"2026-01-01"}`, proxy.KindInvalidValue, `"timestamp" must be`},
		{"half a record", `{"shift":0.5}`, proxy.KindInvalidValue, `"shift" must be a whole number from -9223372036854775808 to 9223372036854775807.`},
		{"a shift too far", `{"shift":9223372036854775808}`, proxy.KindInvalidValue, `"shift" must be`},
		{"a shift in words", `{"shift":"1"}`, proxy.KindInvalidValue, `"shift" must be`},
		{"no offsets", `[]`, proxy.KindInvalidValue, "The body must be an array of at least one"},
		{"a number", `[7]`, proxy.KindInvalidValue, "[0] must be an object"},
		{"an array", `[{"partition":0,"offset":0},[]]`, proxy.KindInvalidValue, "[1] must be an object"},
		{"no partition", `[{"offset":0}]`, proxy.KindInvalidValue, `[0]: "partition" is required.`},
		{"no offset", `[{"partition":0}]`, proxy.KindInvalidValue, `[0]: "offset" is required.`},
		{"a partition of null", `[{"partition":null,"offset":0}]`, proxy.KindInvalidValue, `[0]: "partition" must be`},
		{"a partition in words", `[{"partition":"0","offset":0}]`, proxy.KindInvalidValue, `[0]: "partition" must be`},
		{"half a partition", `[{"partition":0.5,"offset":0}]`, proxy.KindInvalidValue, `[0]: "partition" must be`},
		{"a negative partition", `[{"partition":-1,"offset":0}]`, proxy.KindInvalidValue, `[0]: "partition" must be`},
		{"a partition too large", `[{"partition":2147483648,"offset":0}]`, proxy.KindInvalidValue, `[0]: "partition" must be a whole number from 0 to 2147483647.`},
		{"a negative offset", `[{"partition":0,"offset":0},{"partition":1,"offset":-1}]`, proxy.KindInvalidValue, `[1]: "offset" must be`},
		{"an offset too large", `[{"partition":0,"offset":9223372036854775808}]`, proxy.KindInvalidValue, `[0]: "offset" must be a whole number from 0 to 9223372036854775807.`},
		{"an offset in words", `[{"partition":0,"offset":"earliest"}]`, proxy.KindInvalidValue, `[0]: "offset" must be`},
		{"another topic", `[{"topic":"u","partition":0,"offset":0}]`, proxy.KindInvalidValue, `[0]: "topic" must be the one in the path`},
		{"no name of a topic", `[{"topic":null,"partition":0,"offset":0}]`, proxy.KindInvalidValue, `[0]: "topic" must be the one in the path`},
		{"metadata of another type", `[{"partition":0,"offset":0,"metadata":{}}]`, proxy.KindInvalidValue, `[0]: "metadata" must be null, or a string`},
		{"long metadata", `[{"partition":0,"offset":0,"metadata":"` + strings.Repeat("𝄞", 2049) + `"}]`, proxy.KindInvalidValue, `[0]: "metadata" must be null, or a string`},
		{"something else", `[{"partition":0,"offset":0,"Offset":1}]`, proxy.KindInvalidValue, `[0]: "Offset" is unknown`},
		{"an offset twice", `[{"partition":0,"offset":0,"offset":1}]`, proxy.KindInvalidValue, `[0]: "offset" is given twice`},
		{"a partition twice", `[{"partition":3,"offset":0},{"partition":3,"offset":0}]`, proxy.KindInvalidValue, `[1]: "partition" is 3 for the second time.`},
		{"a long name", `[{"` + strings.Repeat("x", 1000) + `":0}]`, proxy.KindInvalidValue, `[0]: "xxx`},
		{"10 MB", `[` + strings.Repeat(" ", 10<<20) + `]`, proxy.KindMessageTooLarge, "The body is longer than 1048576 bytes."},
	} {
		got, err := targetOf(about(t, "g", "t", test.body), "t")
		var e *proxy.Error
		if !errors.As(err, &e) || e.Kind != test.kind || !strings.HasPrefix(e.Message, test.message) || len(e.Message) > 300 || !reflect.DeepEqual(got, target{}) {
			t.Errorf("%s: got %v, %v", test.name, got, err)
		}
	}
}

func TestOffsetsOfTheLongestLengths(t *testing.T) {
	metadata := strings.Repeat("𝄞", 2048)
	text := `[{"topic":"t","partition":2147483647,"offset":9223372036854775807,"metadata":"` + metadata + `"}]`
	text += strings.Repeat("\n", maxOffsetsBody-len(text))
	got, err := targetOf(about(t, "g", "t", text), "t")
	want := []proxy.GroupOffset{{Topic: "t", Partition: math.MaxInt32, Offset: math.MaxInt64, Metadata: metadata}}
	if err != nil || !reflect.DeepEqual(got.offsets, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

// checkPlace checks that a target which is not single offsets is one place for all.
func checkPlace(t *testing.T, text string, got target) {
	t.Helper()
	places := 0
	for _, given := range []bool{got.to == earliest || got.to == latest, got.timestamp != nil, got.shift != nil} {
		if given {
			places++
		}
	}
	if places != 1 {
		t.Fatalf("%q: got %+v", text, got)
	}
}

// FuzzOffsets checks that accepted input is one place for all offsets, or an array of offsets in the topic,
// each partition once, which reads the same when it is written as the admin API shows it; and that other
// input is refused with a message for clients.
func FuzzOffsets(f *testing.F) {
	for _, seed := range []string{
		`[{"topic":"t","partition":0,"offset":2,"metadata":null},{"partition":1,"offset":9}]`,
		`[{"partition":1e1,"offset":1.0,"metadata":"\ud834\udd1e"}]`, `[{"partition":0,"offset":-1}]`, `[{}]`, `[[{}]]`, `{}`, `[`,
		`{"to":"earliest"}`, `{"timestamp":1700000000000}`, `{"shift":-1e2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := targetOf(about(t, "g", "t", string(text)), "t")
		if err != nil {
			if e := proxy.AsError(err); e.Kind == proxy.KindInternal {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if got.offsets == nil {
			checkPlace(t, string(text), got)
			return
		}
		offsets, seen := got.offsets, make(map[int32]bool)
		for _, o := range offsets {
			if o.Topic != "t" || o.Partition < 0 || o.Offset < 0 || seen[o.Partition] {
				t.Fatalf("%q: %+v", text, offsets)
			}
			seen[o.Partition] = true
		}
		written, err := json.Marshal(inJSON(offsets, proxy.ClassicGroup))
		if err != nil {
			t.Fatal(err)
		}
		again, err := targetOf(about(t, "g", "t", string(written)), "t")
		if err != nil || len(offsets) == 0 || !reflect.DeepEqual(again, got) {
			t.Fatalf("%q: %+v reads as %+v, %v", text, offsets, again, err)
		}
	})
}
