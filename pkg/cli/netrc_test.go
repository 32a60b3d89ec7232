package cli_test

import (
	"strings"
	"testing"
)

// TestANetrcIsReadAsCurlReadsIt asks as whoever the netrc names.
func TestANetrcIsReadAsCurlReadsIt(t *testing.T) {
	url, header := asked(t)
	for name, test := range map[string]struct{ netrc, want string }{
		"one line":                   {"machine 127.0.0.1 login carol password sesame", "carol:sesame"},
		"many lines":                 {"machine 127.0.0.1\r\n\tlogin carol\r\n\tpassword sesame\r\n", "carol:sesame"},
		"a quoted password":          {`machine 127.0.0.1 login carol password "open sesame"`, "carol:open sesame"},
		"quotes within":              {`machine 127.0.0.1 login "c a" password "\"\\# "`, `c a:"\# `},
		"an empty password":          {`machine 127.0.0.1 password "" login carol`, "carol:"},
		"a quote in the middle":      {`machine 127.0.0.1 login carol password a"b`, `carol:a"b`},
		"a # in the middle":          {"machine 127.0.0.1 login carol password #1", "carol:#1"},
		"an account":                 {"machine 127.0.0.1 login carol account password password sesame", "carol:sesame"},
		"a login that is a word":     {"machine 127.0.0.1 login macdef password default", "macdef:default"},
		"a comment":                  {"# machine 127.0.0.1 login eve password x\nmachine 127.0.0.1 login carol password sesame", "carol:sesame"},
		"a macro":                    {"macdef init\nmachine 127.0.0.1 login eve password x\n\nmachine 127.0.0.1 login carol password sesame", "carol:sesame"},
		"a macro of another machine": {"machine h login eve password x macdef m\nquote \"\n\nmachine 127.0.0.1 login carol password sesame", "carol:sesame"},
		"the first of two":           {"machine 127.0.0.1 login carol password sesame\nmachine 127.0.0.1 login eve password x", "carol:sesame"},
		"no login":                   {"machine 127.0.0.1 password x", ""},
		"default alone":              {"default login eve password x", ""},
		"what is behind default":     {"default login eve password x\nmachine 127.0.0.1 login eve password x", ""},
		"another machine":            {"machine localhost login eve password x", ""},
		"half an entry":              {"machine", ""},
		"a login before its machine": {"login eve password x machine 127.0.0.1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, map[string]string{"netrc": test.netrc})
			want := ""
			if test.want != "" {
				want = basic(test.want)
			}
			code, _, stderr := run(t, nil, "topics", "--admin-url", url)
			if got := header.Load(); code != 0 || got != want {
				t.Errorf("it was asked with %q, want %q; exit code %d, %s", got, want, code, stderr)
			}
		})
	}
}

// TestANetrcThatCannotBeReadIsNamed with its line, and without what is in it.
func TestANetrcThatCannotBeReadIsNamed(t *testing.T) {
	url, _ := asked(t)
	directory := write(t, map[string]string{"netrc": "machine h login a password b\nmachine 127.0.0.1 login carol password \"hunter2\n"})
	code, _, stderr := run(t, nil, "topics", "--admin-url", url)
	if code != 2 || !strings.Contains(stderr, directory+"/netrc, line 2: ") || strings.Contains(stderr, "hunter2") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
