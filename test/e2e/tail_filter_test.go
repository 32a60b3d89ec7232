package e2e

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// keyed makes a record for each key, whose values are their numbers.
func keyed(keys ...string) []*kgo.Record {
	records := numbered(0, len(keys), 1, 0)
	for i, key := range keys {
		records[i].Key = []byte(key)
	}
	return records
}

func TestTailOfKeys(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.run(t)
		k.produce(t, topic, keyed("a", "b", "ab", "grün", "", "a b&c=d", "a", "Ab", "a,b")...)
		k.produce(t, topic, &kgo.Record{Value: []byte("9")}) // without a key
		for _, test := range []struct {
			parameters []string
			want       string
		}{
			{[]string{"key=a"}, "0 6"},
			{[]string{"key=a", "key=b"}, "0 1 6"},
			{[]string{"key=a", "key=a"}, "0 6"},
			{[]string{"key=grün"}, "3"},
			{[]string{"key=a b&c=d"}, "5"},
			{[]string{"key=a,b"}, "8"},
			{[]string{"keyPrefix=a"}, "0 2 5 6 8"},
			{[]string{"keyPrefix=ab"}, "2"},
			{[]string{"key=b", "keyPrefix=gr"}, "1 3"},
			{[]string{"key=a", "keyPrefix=a"}, "0 2 5 6 8"},
			{[]string{"key="}, "0 1 2 3 4 5 6 7 8 9"}, // an empty parameter is a missing one
			{[]string{"keyPrefix="}, "0 1 2 3 4 5 6 7 8 9"},
			{[]string{"key=a", `where={"json":"","gt":3}`}, "6"},
			{[]string{"key=b", "keyPrefix=a", `where={"json":"","lt":3}`}, "0 1 2"},
		} {
			c := p.tail(t, topic, append(test.parameters, "from=earliest")...)
			want := strings.Fields(test.want)
			for i, value := range c.values(len(want)) {
				if value != `"`+want[i]+`"` {
					t.Errorf("%q: record %d is %s, want %s", test.parameters, i, value, test.want)
				}
			}
			if late := records(c.quiet(100 * time.Millisecond)); late > 0 {
				t.Errorf("%q: %d more records came", test.parameters, late)
			}
		}
	})
}

// TestTailOfKeysInTheirFormat compares keys as they are delivered.
func TestTailOfKeysInTheirFormat(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		for _, test := range []struct {
			keyType, longs, key string
			bytes               []byte
		}{
			{"int", "", "-7", big32(-7)},
			{"short", "", "300", big16(300)},
			{"long", "", "9007199254740993", big64(9007199254740993)},
			{"long", "string", "9007199254740993", big64(9007199254740993)},
			{"string", "", `"quoted"`, []byte(`"quoted"`)},
			{"bytearray", "", base64.StdEncoding.EncodeToString([]byte{0xFF, 0, '+'}), []byte{0xFF, 0, '+'}},
			{"json", "", `{"a" : 1.0}`, []byte(`{"a" : 1.0}`)},
			{"double", "", "-0.1", bigDouble(-0.1)},
		} {
			topic := k.topic(t, 1)
			k.produce(t, topic, &kgo.Record{Key: []byte("other"), Value: []byte("0")}, &kgo.Record{Key: test.bytes, Value: []byte("1")},
				&kgo.Record{Key: []byte{0xFF}, Value: []byte("2")})
			c := k.run(t).tail(t, topic, "from=earliest", "keyType="+test.keyType, "longs="+test.longs, "key="+test.key)
			if got := c.values(1); got[0] != `"1"` {
				t.Errorf("key=%s as %s: got %s", test.key, test.keyType, got)
			}
		}
	})
}

func filtered() []*kgo.Record {
	h := func(pairs ...string) (headers []kgo.RecordHeader) {
		for i := 0; i < len(pairs); i += 2 {
			headers = append(headers, kgo.RecordHeader{Key: pairs[i], Value: []byte(pairs[i+1])})
		}
		return headers
	}
	return []*kgo.Record{
		{Value: []byte(`{"region":"eu","n":5,"deep":{"list":[{"x":"y"}]},"a/b":1,"~":2}`), Headers: h("unit", "celsius", "level", "12")},
		{Value: []byte(`{"region":"us","n":-1.5e1,"none":null,"ok":true}`), Headers: h("unit", "kelvin", "unit", "celsius")},
		{Value: []byte(`{"n":"5","region":["eu"]}`), Headers: h("level", "nine")},
		{Value: []byte(`{"region":`), Headers: h("unit", "")},
		{Value: []byte("\xff\x00")},
		{Key: []byte("gone"), Headers: h("unit", "celsius")}, // a tombstone
		{Value: []byte(`9007199254740993`)},
		{Value: []byte(`"text"`)},
	}
}

// TestTailWhere reads records that meet conditions, the last of all records always.
func TestTailWhere(t *testing.T) {
	tests := map[string][]int64{
		`{"json":"/region","eq":"eu"}`:                                   {0},
		`{"json":"/region","ne":"eu"}`:                                   {1, 2},
		`{"json":"/region","in":["eu","us"]}`:                            {0, 1},
		`{"json":"/region","prefix":"u"}`:                                {1},
		`{"json":"/region","contains":"s"}`:                              {1},
		`{"json":"/region","exists":true}`:                               {0, 1, 2},
		`{"json":"/region","exists":false}`:                              {6, 7},
		`{"json":"/n","eq":5}`:                                           {0},
		`{"json":"/n","eq":5.0}`:                                         {0},
		`{"json":"/n","eq":"5"}`:                                         {2},
		`{"json":"/n","gt":4}`:                                           {0},
		`{"json":"/n","gte":5}`:                                          {0},
		`{"json":"/n","lt":0}`:                                           {1},
		`{"json":"/n","lte":-15}`:                                        {1},
		`{"json":"/none","exists":true}`:                                 {1},
		`{"json":"/none","eq":null}`:                                     {1},
		`{"json":"/ok","eq":true}`:                                       {1},
		`{"json":"/deep/list/0/x","eq":"y"}`:                             {0},
		`{"json":"/a~1b","eq":1}`:                                        {0},
		`{"json":"/~0","eq":2}`:                                          {0},
		`{"json":"","eq":9007199254740993}`:                              {6},
		`{"json":"","eq":9007199254740992}`:                              {},
		`{"json":"","eq":"text"}`:                                        {7},
		`{"header":"unit","eq":"celsius"}`:                               {0, 1, 5},
		`{"header":"unit","eq":"kelvin"}`:                                {1},
		`{"header":"unit","in":["kelvin",""]}`:                           {1, 3},
		`{"header":"unit","prefix":"cel"}`:                               {0, 1, 5},
		`{"header":"unit","contains":"elvi"}`:                            {1},
		`{"header":"unit","exists":false}`:                               {2, 4, 6, 7},
		`{"header":"level","gt":9}`:                                      {0},
		`{"header":"level","lte":12}`:                                    {0},
		`{"and":[{"json":"/n","gt":0},{"header":"unit","exists":true}]}`: {0},
		`{"or":[{"json":"/n","lt":0},{"header":"level","exists":true}]}`: {0, 1, 2},
		`{"not":{"header":"unit","exists":true}}`:                        {2, 4, 6, 7},
		`{"and":[{"not":{"or":[{"json":"/n","eq":5},{"json":"/n","eq":"5"}]}},{"json":"/n","exists":true}]}`: {1},
	}
	onBoth(t, func(t *testing.T, k *cluster) {
		topic := k.topic(t, 1)
		k.produce(t, topic, filtered()...)
		k.produce(t, topic, &kgo.Record{Value: []byte("end"), Headers: []kgo.RecordHeader{{Key: "end", Value: []byte("1")}}})
		for where, want := range tests {
			for _, valType := range []string{"string", "bytearray"} {
				c := k.run(t).tail(t, topic, "from=earliest", "valType="+valType, `where={"or":[{"header":"end","exists":true},`+where+`]}`)
				got := []int64{}
				for f := c.expect("record"); f.Offset != 8; f = c.expect("record") {
					got = append(got, f.Offset)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s as %s: got %v, want %v", where, valType, got, want)
				}
				c.close()
			}
		}
	})
}

// widest is a tree of some nodes.
func widest(nodes int, leaf string) string {
	return `{"or":[` + strings.Repeat(leaf+",", nodes-2) + leaf + `]}`
}

// deepest is a tree of some levels.
func deepest(levels int) string {
	return strings.Repeat(`{"not":`, levels-1) + `{"json":"/n","eq":1}` + strings.Repeat("}", levels-1)
}

func manyKeys(count int) []string {
	keys := make([]string, count)
	for i := range keys {
		keys[i] = fmt.Sprintf("%x", i)
	}
	return keys
}

func TestTailFiltersOfTheLargestSize(t *testing.T) {
	const leaf = `{"json":"/n","eq":1}`
	contains := fmt.Sprintf(`{"json":"","contains":%q}`, strings.Repeat("(a|b)*", 5))
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.run(t)
		k.produce(t, topic, &kgo.Record{Key: []byte("3e8"), Value: []byte(`{"n":1}`)})
		k.produce(t, topic, &kgo.Record{Key: []byte("0"), Value: []byte(`{"n":1}`)})
		inURL := func(count int) []string {
			parameters := []string{"from=earliest"}
			for _, key := range manyKeys(count) {
				parameters = append(parameters, "key="+key)
			}
			return parameters
		}
		p.tail(t, topic, "from=earliest", "where="+widest(64, leaf)).records(2)
		p.tail(t, topic, "from=latest", "where="+widest(64, contains))
		p.tail(t, topic, "from=earliest", "where="+deepest(7)).records(2)
		p.tail(t, topic, "from=latest", "where="+deepest(8))
		if f := p.tail(t, topic, inURL(1000)...).expect("record"); f.Offset != 1 { // 3e8 is the first key that is not wanted
			t.Errorf("got %s", f.text)
		}
		p.refusesTail(t, 400, "INVALID_PARAMETER", "where", topic, "where="+widest(65, leaf))
		p.refusesTail(t, 400, "INVALID_PARAMETER", "where", topic, "where="+deepest(9))
		p.refusesTail(t, 400, "INVALID_PARAMETER", "key", topic, inURL(1001)...)
		for _, odd := range []string{"key=\xff", "keyPrefix=\xff", "key=\x00", "key=" + strings.Repeat("k", 8000), "keyPrefix=" + strings.Repeat("k", 8000)} {
			if got := p.upgrade(t, tailPath(topic, odd)); got.status != 101 && got.status != 400 {
				t.Errorf("%.20q: got %d %s", odd, got.status, got.body)
			}
		}
		if status, _ := p.verbatim(t, "GET "+tailPath(topic, "where="+widest(64, leaf+strings.Repeat(" ", 15_000)))+" HTTP/1.1", "Host: x"); status != 431 {
			t.Errorf("a tree of a megabyte: got %d", status)
		}
	})
}

// TestTailCursorsMovePastWhatFiltersLeaveOut resumes without the filter.
func TestTailCursorsMovePastWhatFiltersLeaveOut(t *testing.T) {
	onBoth(t, func(t *testing.T, k *cluster) {
		topic, p := k.topic(t, 1), k.run(t)
		for _, filter := range []string{"key=a", "keyPrefix=aa", `where={"json":"/no","exists":true}`} {
			c := p.tail(t, topic, filter, "cursors=50")
			k.produce(t, topic, numbered(0, 100, 1, 0)...)
			last := c.cursor()
			for _, f := range c.quiet(2 * time.Second) {
				if last = f.Cursor; last == "" {
					t.Fatalf("%s: got %s", filter, f.text)
				}
			}
			k.produce(t, topic, &kgo.Record{Value: []byte("new")})
			if got := p.resume(t, topic, last).values(1); got[0] != `"new"` {
				t.Errorf("%s: behind the last cursor comes %s", filter, got)
			}
		}
	})
}
