package clientcfg

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseFileRefuses(t *testing.T) {
	const number = "must be a whole number from 0 to 2147483647"
	for _, test := range []struct {
		name, text string
		want       []string // lines of the error
	}{
		{"not YAML", "consumers: [", []string{"limits.yaml: yaml: line 1: did not find expected node content"}},
		{"a list", "- a", []string{"limits.yaml:1: the file must be a mapping of consumers and producers"}},
		{"two documents", "{}\n---\n{}", []string{"limits.yaml:2: the file must be one YAML document"}},
		{"an unknown member of the file", "consumer: {}", []string{`limits.yaml:1: "consumer" is unknown: use consumers and producers`}},
		{"an unknown list", "consumers: {statics: []}", []string{`limits.yaml:1: "consumers.statics" is unknown: use static`}},
		{"a limit left empty", "consumers: {static: [{group-id: g, batch-size: }]}", []string{"limits.yaml:1: consumers.static[0].batch-size " + number}},
		{"no list", "consumers: {static: {a: b}}", []string{"limits.yaml:1: consumers.static must be a list"}},
		{"dynamic entries", "consumers:\n  dynamic: [{group-id: g}]", []string{"limits.yaml:2: consumers.dynamic must be empty: entries of a file belong under static"}},
		{"no entry", "producers: {static: [p]}", []string{"limits.yaml:1: producers.static[0] must be a mapping of producer-id, max-connections and messages-per-second"}},
		{"no id", "producers: {static: [{max-connections: 1}]}", []string{"limits.yaml:1: producers.static[0] has no producer-id"}},
		{"nothing for an entry", "producers: {static: [null]}", []string{"limits.yaml:1: producers.static[0] has no producer-id"}},
		{
			"all faults, with their lines", `consumers:
  static:
    - group-id: g
      max-connections: -1
      messages-per-second: 2147483648
      batch-size: "3"
    - group-id: 7
    - group-id: h
      group-id: h
      limit: 1
    - group-id: i
    - group-id: i
producers:
  static:
    - producer-id: "a\nb"
    - producer-id: p
      batch-size: 1
      max-connections: 1.5
`,
			[]string{
				"limits.yaml:4: consumers.static[0].max-connections " + number,
				"limits.yaml:5: consumers.static[0].messages-per-second " + number,
				"limits.yaml:6: consumers.static[0].batch-size " + number,
				"limits.yaml:7: consumers.static[1].group-id must be text: put it in quotes",
				"limits.yaml:9: consumers.static[2].group-id is given twice",
				`limits.yaml:10: "consumers.static[2].limit" is unknown: use group-id, max-connections, messages-per-second and batch-size`,
				`limits.yaml:12: consumers.static[4] is a second entry of "i"`,
				"limits.yaml:15: producers.static[0].producer-id must have 1 to 249 characters, none of them a control character",
				`limits.yaml:17: "producers.static[1].batch-size" is unknown: use producer-id, max-connections and messages-per-second`,
				"limits.yaml:18: producers.static[1].max-connections " + number,
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := ParseFile("limits.yaml", []byte(test.text))
			if err == nil {
				t.Fatal("no error")
			}
			if got := strings.Split(err.Error(), "\n"); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", err, strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestParseFileAccepts(t *testing.T) {
	for _, test := range []struct{ name, text string }{
		{"nothing", ""},
		{"comments", "# nothing yet\n"},
		{"empty parts", "consumers:\nproducers: {static: [], dynamic: []}"},
		{"aliases", "consumers: {static: [&g {group-id: g}]}\nproducers: {static: []}"},
		{"any characters in an id", `consumers: {static: [{group-id: "a/b %ü*"}]}`},
		{"one id of each kind", "consumers: {static: [{group-id: a}]}\nproducers: {static: [{producer-id: a}]}"},
	} {
		if _, err := ParseFile("limits.yaml", []byte(test.text)); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestWhatIsListedIsAFile checks that an answer of the admin API can be used as a file of limits.
func TestWhatIsListedIsAFile(t *testing.T) {
	table := New(Options{Consumers: consumerDefaults, Producers: producerDefaults, Static: mustParse(t, file)})
	want, err := table.All()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := New(Options{Static: mustParse(t, string(text))}).All()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "limits.yaml")
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	static, err := ReadFile(path)
	if err != nil || !reflect.DeepEqual(static, mustParse(t, file)) {
		t.Errorf("got %+v, %v", static, err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil || !strings.HasPrefix(err.Error(), path+":1: ") {
		t.Errorf("a faulty file: %v", err)
	}
}

// FuzzParseFile states that no text causes a panic, that the error of a refused one names the file in
// every line, and that the limits of an accepted one are the same after they are listed and parsed again.
func FuzzParseFile(f *testing.F) {
	f.Add([]byte(file))
	f.Add([]byte("consumers: {static: &a [*a]}"))
	f.Add([]byte(`{"producers":{"static":[{"producer-id":"p","max-connections":1}],"dynamic":[]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		static, err := ParseFile("limits.yaml", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "limits.yaml:") {
				t.Fatalf("the error is %q", err)
			}
			return
		}
		all, err := New(Options{Static: static}).All()
		if err != nil {
			t.Fatal(err)
		}
		listed, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		again, err := New(Options{Static: mustParse(t, string(listed))}).All()
		if err != nil || !reflect.DeepEqual(again, all) {
			t.Fatalf("%s reads as %+v, %v", listed, again, err)
		}
	})
}
