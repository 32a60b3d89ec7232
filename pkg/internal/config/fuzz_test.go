package config

import (
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// FuzzLoad: Load never panics, allocates in proportion to its input, and accepts the text that Settings
// shows of an accepted input, with the same result. The input is the entries of an environment as in
// /proc/self/environ, each without the prefix.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"KAFKA_BOOTSTRAP_HOSTS=a:1,[::1]:2",
		"KAFKA_BOOTSTRAP_HOSTS=a:1\x00PORT=0\x00DRAIN_DELAY=1m30s\x00MAX_MESSAGE_BYTES=3kB",
		"KAFKA_BOOTSTRAP_HOSTS=a:1\x00ALLOWED_ORIGINS=https://*.x:1, b\x00ALLOWED_GROUPS=a b,c\x00PATH_PREFIX=/a/b",
		"KAFKA_BOOTSTRAP_HOSTS=a:1\x00LOG_LEVEL=WARN\x00PPROF_ENABLED=1\x00SERVER_ID= \u00e4 \x00ADMIN_BIND_INTERFACE=fe80::1%eth0",
		"PORT=tcp://10.0.0.1:1\x00SERVICE_HOST=x\x00\xff=\xff\x00=\x00SSL_ENABLED=true\x00KAFKA_SASL_PASSWORD=\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, input string) {
		fuzzEnvironment(t, input)
		var config *Config
		var err error
		checkAllocated(t, input, func() { config, _, err = Load(Source{}) })
		if err != nil {
			if config != nil || err.Error() == "" {
				t.Fatalf("configuration %v, error %q", config, err)
			}
			return
		}
		var shown []string
		for _, s := range Settings(config) {
			if s.Value != mask {
				shown = append(shown, s.Name+"="+s.Value)
			}
		}
		again, _, err := Load(Source{Over: shown, Alone: true})
		if err != nil {
			t.Fatalf("refused what Settings shows: %v", err)
		}
		if !reflect.DeepEqual(config, again) {
			t.Fatalf("got %+v\nfrom %q, want %+v", again, shown, config)
		}
	})
}

// checkAllocated checks that reading text allocates in proportion to its length, beyond what the settings
// themselves and the fuzzing engine allocate.
func checkAllocated(t *testing.T, text string, read func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read()
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > uint64(4<<20+200*len(text)) {
		t.Fatalf("%d bytes allocated for %d", took, len(text))
	}
}

// fuzzEnvironment sets the entries of an input until the test's end. It skips the _FILE forms, which
// would read any file of this machine.
func fuzzEnvironment(t *testing.T, input string) {
	t.Helper()
	fromFile := map[string]bool{}
	for _, f := range fieldsOf(new(Config)) {
		if name, ok := f.fileVariable(); ok {
			fromFile[name] = true
		}
	}
	for entry := range strings.SplitSeq(input, "\x00") {
		if name, value, ok := strings.Cut(Prefix+entry, "="); ok && !fromFile[name] {
			t.Setenv(name, value)
		}
	}
}

// FuzzDecode: any setting decodes any text without a panic and with memory in proportion to it,
// an accepted value reads back from its own text, and a refused one leaves the field as it was.
func FuzzDecode(f *testing.F) {
	for i, seed := range []string{"", "x", "8078", "1MiB", "2m0s", "a:1,b:2", "https://idp/x", "10.0.0.0/8", "/kafka", "true", "scram-sha-256"} {
		f.Add(i, seed)
	}
	count := len(fieldsOf(new(Config)))
	f.Fuzz(func(t *testing.T, index int, text string) {
		index = int(uint(index) % uint(count))
		first := fieldsOf(defaults())[index]
		before := first.text()
		var err error
		checkAllocated(t, text, func() { err = first.decode(text) })
		if err != nil {
			if first.text() != before {
				t.Fatalf("%s: refused %q (%v) but changed from %q to %q", first.name, text, err, before, first.text())
			}
			return
		}
		second := fieldsOf(defaults())[index]
		if err := second.decode(first.text()); err != nil {
			t.Fatalf("%s: %q became %q, which %v", first.name, text, first.text(), err)
		}
		if !reflect.DeepEqual(first.value.Interface(), second.value.Interface()) {
			t.Fatalf("%s: %q became %v, then %v", first.name, text, first.value, second.value)
		}
	})
}

// TestFieldsAreWellFormed tries every field's bounds, form and kind, so that a wrong tag fails here and
// not at a user's start.
func TestFieldsAreWellFormed(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, f := range fieldsOf(defaults()) {
		if _, isDefault := f.tag.Lookup("default"); isDefault && f.text() != f.tag.Get("default") {
			t.Errorf("%s: default %q is shown as %q", f.name, f.tag.Get("default"), f.text())
		}
		if err := f.decode("\x00"); err == nil {
			t.Errorf("%s takes a control character", f.name)
		}
		_ = f.decode("x") // panics where a tag is wrong
		names := []string{f.variable()}
		if name, ok := f.fileVariable(); ok {
			names = append(names, name)
		}
		for _, name := range names {
			if other, taken := seen[name]; taken {
				t.Errorf("%s is a variable of both %s and %s", name, f.name, other)
			}
			seen[name] = f.name
		}
	}
	for _, p := range append(needs(), idle()...) {
		for _, name := range []string{p.name, p.other} {
			if seen[Prefix+name] == "" {
				t.Errorf("a rule names %s, which is no setting", name)
			}
		}
	}
}
