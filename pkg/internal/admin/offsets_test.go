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
		offsets, err := offsetsOf(about(t, "g", "t", test.body), "t")
		var e *proxy.Error
		if !errors.As(err, &e) || e.Kind != test.kind || !strings.HasPrefix(e.Message, test.message) || len(e.Message) > 300 || offsets != nil {
			t.Errorf("%s: got %v, %v", test.name, offsets, err)
		}
	}
}

func TestOffsetsOfTheLongestLengths(t *testing.T) {
	metadata := strings.Repeat("𝄞", 2048)
	text := `[{"topic":"t","partition":2147483647,"offset":9223372036854775807,"metadata":"` + metadata + `"}]`
	text += strings.Repeat("\n", maxOffsetsBody-len(text))
	offsets, err := offsetsOf(about(t, "g", "t", text), "t")
	want := []proxy.GroupOffset{{Topic: "t", Partition: math.MaxInt32, Offset: math.MaxInt64, Metadata: metadata}}
	if err != nil || !reflect.DeepEqual(offsets, want) {
		t.Errorf("got %v, %v", offsets, err)
	}
}

// FuzzOffsets checks that accepted input is an array of offsets in the topic, each partition once, and
// reads the same when it is written as the admin API shows it; and that other input is refused with a
// message for clients.
func FuzzOffsets(f *testing.F) {
	for _, seed := range []string{
		`[{"topic":"t","partition":0,"offset":2,"metadata":null},{"partition":1,"offset":9}]`,
		`[{"partition":1e1,"offset":1.0,"metadata":"\ud834\udd1e"}]`, `[{"partition":0,"offset":-1}]`, `[{}]`, `[[{}]]`, `{}`, `[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		offsets, err := offsetsOf(about(t, "g", "t", string(text)), "t")
		if err != nil {
			if e := proxy.AsError(err); e.Kind == proxy.KindInternal {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		seen := make(map[int32]bool)
		for _, o := range offsets {
			if o.Topic != "t" || o.Partition < 0 || o.Offset < 0 || seen[o.Partition] {
				t.Fatalf("%q: %+v", text, offsets)
			}
			seen[o.Partition] = true
		}
		written, err := json.Marshal(inJSON(offsets))
		if err != nil {
			t.Fatal(err)
		}
		again, err := offsetsOf(about(t, "g", "t", string(written)), "t")
		if err != nil || len(offsets) == 0 || !reflect.DeepEqual(again, offsets) {
			t.Fatalf("%q: %+v reads as %+v, %v", text, offsets, again, err)
		}
	})
}
