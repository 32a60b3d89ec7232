package feed

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestFilter(t *testing.T) {
	record := &proxy.Record{
		Value: []byte(` {"region":"eu","n":5,"big":9007199254740993,"f":0.50,"ok":true,"none":null,"list":["a",{"b":"c"}],"esc":"\u0061b"} `),
		Headers: []proxy.Header{
			{Key: "unit", Value: []byte("celsius")},
			{Key: "unit", Value: []byte("kelvin")},
			{Key: "level", Value: []byte("12")},
			{Key: "null"},
		},
	}
	for where, want := range map[string]bool{
		`{"json":"/region","eq":"eu"}`:                                       true,
		`{"json":"/region","eq":"us"}`:                                       false,
		`{"json":"/region","ne":"us"}`:                                       true,
		`{"json":"/region","in":["us","eu"]}`:                                true,
		`{"json":"/region","prefix":"e"}`:                                    true,
		`{"json":"/region","contains":"u"}`:                                  true,
		`{"json":"/esc","eq":"ab"}`:                                          true,
		`{"json":"/n","eq":5.0}`:                                             true,
		`{"json":"/n","eq":"5"}`:                                             false,
		`{"json":"/big","eq":9007199254740993}`:                              true,
		`{"json":"/big","eq":9007199254740992}`:                              false,
		`{"json":"/f","gte":0.5}`:                                            true,
		`{"json":"/f","gt":0.5}`:                                             false,
		`{"json":"/n","lt":6}`:                                               true,
		`{"json":"/n","lte":4}`:                                              false,
		`{"json":"/region","gt":1}`:                                          false,
		`{"json":"/ok","eq":true}`:                                           true,
		`{"json":"/none","eq":null}`:                                         true,
		`{"json":"/none","exists":true}`:                                     true,
		`{"json":"/list/1/b","eq":"c"}`:                                      true,
		`{"json":"/list","eq":"a"}`:                                          false,
		`{"json":"/missing","exists":false}`:                                 true,
		`{"json":"/missing","ne":"x"}`:                                       false,
		`{"header":"unit","eq":"kelvin"}`:                                    true,
		`{"header":"unit","ne":"celsius"}`:                                   true,
		`{"header":"level","gt":9}`:                                          true,
		`{"header":"level","eq":12}`:                                         false,
		`{"header":"null","eq":null}`:                                        true,
		`{"header":"none","exists":false}`:                                   true,
		`{"header":"none","eq":"x"}`:                                         false,
		`{"and":[{"json":"/n","eq":5},{"header":"unit","exists":true}]}`:     true,
		`{"and":[{"json":"/n","eq":5},{"header":"unit","exists":false}]}`:    false,
		`{"or":[{"json":"/n","eq":6},{"not":{"json":"/n","eq":7}}]}`:         true,
		`{"not":{"or":[{"json":"/n","eq":5},{"header":"x","exists":true}]}}`: false,
	} {
		f, err := ParseFilter([]byte(where))
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		if got := f.Matches(record); got != want {
			t.Errorf("%s: got %v", where, got)
		}
	}
}

// TestAValueThatIsNoJSON meets no condition on members, not even that one is missing.
func TestAValueThatIsNoJSON(t *testing.T) {
	for _, value := range [][]byte{nil, {}, []byte("{"), []byte(`{"a":1} x`), []byte("\xff")} {
		for _, where := range []string{`{"json":"/a","exists":false}`, `{"json":"/a","eq":1}`, `{"json":"/a","ne":1}`, `{"json":"","exists":true}`} {
			f, err := ParseFilter([]byte(where))
			if err != nil {
				t.Fatal(err)
			}
			if f.Matches(&proxy.Record{Value: value}) {
				t.Errorf("%q meets %s", value, where)
			}
		}
	}
}

func TestFilterRefuses(t *testing.T) {
	deep := func(levels int) string {
		return strings.Repeat(`{"not":`, levels-1) + `{"json":"/a","eq":1}` + strings.Repeat("}", levels-1)
	}
	wide := func(nodes int) string {
		return `{"or":[` + strings.Repeat(`{"json":"/a","eq":1},`, nodes-2) + `{"json":"/a","eq":1}]}`
	}
	for _, where := range []string{deep(8), wide(64)} {
		if _, err := ParseFilter([]byte(where)); err != nil {
			t.Errorf("%.60s: %v", where, err)
		}
	}
	for where, want := range map[string]string{
		deep(9):  "levels",
		wide(65): "nodes",
		fmt.Sprintf(`{"json":"/a","contains":%q}`, strings.Repeat("x", 1<<20)): "bytes",
		``:                                       "not JSON",
		`{`:                                      "not JSON",
		`[]`:                                     "object",
		`null`:                                   "object",
		`{}`:                                     "condition is one of",
		`{"and":[]}`:                             "list",
		`{"and":{}}`:                             "list",
		`{"and":[1]}`:                            "object",
		`{"json":"a","eq":1}`:                    "pointer",
		`{"json":1,"eq":1}`:                      "pointer",
		`{"header":1,"eq":1}`:                    "name",
		`{"json":"/a"}`:                          "condition is one of",
		`{"json":"/a","eq":1,"ne":2}`:            "condition is one of",
		`{"json":"/a","eq":[1]}`:                 "string, a number",
		`{"json":"/a","in":[]}`:                  "list",
		`{"json":"/a","in":[[1]]}`:               "list",
		`{"json":"/a","exists":1}`:               "true or false",
		`{"json":"/a","prefix":1}`:               "string",
		`{"json":"/a","gt":"1"}`:                 "number",
		`{"json":"/a","matches":".*"}`:           "no test",
		`{"json":"/a","header":"b"}`:             "no test",
		`{"not":{"json":"/a","like":1}}`:         "no test",
		`{"and":[{"json":"/a","eq":1}],"or":[]}`: "condition is one of",
	} {
		_, err := ParseFilter([]byte(where))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %q", where, err, want)
		}
	}
}

func TestEqualFiltersHaveOneText(t *testing.T) {
	a, errA := ParseFilter([]byte(`{"json":"/a", "eq": 1}`))
	b, errB := ParseFilter([]byte(`{"eq":1,"json":"/a"}`))
	c, errC := ParseFilter([]byte(`{"eq":2,"json":"/a"}`))
	if errA != nil || errB != nil || errC != nil {
		t.Fatal(errA, errB, errC)
	}
	if a.Text() != b.Text() || a.Text() == c.Text() {
		t.Errorf("got %s, %s and %s", a.Text(), b.Text(), c.Text())
	}
}

// FuzzFilter reads any text as a filter, and applies it to any value.
func FuzzFilter(f *testing.F) {
	f.Add([]byte(`{"and":[{"json":"/a/0","in":[1,"x",null]},{"not":{"header":"h","gt":1e3}}]}`), []byte(`{"a":[1]}`))
	f.Fuzz(func(t *testing.T, where, value []byte) {
		filter, err := ParseFilter(where)
		if err != nil {
			return
		}
		again, err := ParseFilter([]byte(filter.Text()))
		if err != nil || again.Text() != filter.Text() {
			t.Fatalf("%s became %s (%v)", where, filter.Text(), err)
		}
		r := &proxy.Record{Value: value, Headers: []proxy.Header{{Key: "h", Value: value}}}
		if filter.Matches(r) != again.Matches(r) {
			t.Fatalf("%s and %s differ on %q", where, filter.Text(), value)
		}
	})
}
