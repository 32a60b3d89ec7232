package cli_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// basic is the header of basic authentication.
func basic(login string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(login)) }

// asked serves an admin API without topics, and remembers with what credentials it was asked last.
func asked(t *testing.T) (url string, header *atomic.Value) {
	t.Helper()
	header = new(atomic.Value)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header.Store(r.Header.Get("Authorization"))
		_, _ = w.Write([]byte("[]"))
	}))
	t.Cleanup(s.Close)
	return s.URL, header
}

// write writes files into a directory of the test's own, in which a client looks for its profiles and its netrc, and returns it.
func write(t *testing.T, files map[string]string) (directory string) {
	t.Helper()
	directory = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	setEnvironment(t, []string{"WSPROXY_PROFILES=" + filepath.Join(directory, "profiles"), "NETRC=" + filepath.Join(directory, "netrc"), "HOME=" + directory})
	return directory
}

// TestWhoAClientSaysItIs goes through the places in which credentials may be.
func TestWhoAClientSaysItIs(t *testing.T) {
	url, header := asked(t)
	files := map[string]string{
		"secret": "sesame\n",
		"netrc":  "# mine\nmacdef init\nmachine 127.0.0.1 login macro password x\n\nmachine other login bob password y\nmachine 127.0.0.1 login carol\n password carols\ndefault login any password z\n",
		"profiles": `profiles:
  default: {admin-url: ` + url + `, user: dora, password-file: secret}
  staging: {admin-url: "` + url + `", url: "ws://elsewhere", user: alice, password-file: ~/secret, patience: 5s}
  command: {admin-url: "` + url + `", user: alice, password-command: echo open}
  token:   {admin-url: "` + url + `", token-command: echo t1}
  nobody:  {admin-url: "` + url + `"}
`,
	}
	admin := "WSPROXY_ADMIN_URL=" + url
	for name, test := range map[string]struct {
		environ []string
		args    string
		want    string
	}{
		"the default profile":              {nil, "", basic("dora:sesame")},
		"a profile":                        {nil, "--profile staging", basic("alice:sesame")},
		"a profile by a variable":          {[]string{"WSPROXY_PROFILE=command"}, "", basic("alice:open")},
		"a token of a profile":             {nil, "--profile token", "Bearer t1"},
		"a flag beside a profile":          {nil, "--profile staging --token t2", "Bearer t2"},
		"variables beside a profile":       {[]string{"WSPROXY_TOKEN=t3", "WSPROXY_ADMIN_URL=http://127.0.0.1:1"}, "--profile staging", basic("alice:sesame")},
		"an address beside a variable":     {[]string{"WSPROXY_PROFILE=staging"}, "--admin-url " + url, basic("carol:carols")},
		"an address, the default profile":  {nil, "--admin-url " + url, basic("carol:carols")},
		"an address in a variable":         {[]string{admin}, "", basic("carol:carols")},
		"a profile and the netrc":          {nil, "--profile nobody", basic("carol:carols")},
		"a token and the netrc":            {[]string{admin, "WSPROXY_TOKEN=t4"}, "", "Bearer t4"},
		"a user that the netrc has":        {[]string{admin}, "--user carol", basic("carol:carols")},
		"a user that the netrc has not":    {[]string{admin}, "--user bob", basic("bob:")},
		"a password command":               {[]string{admin}, "--user bob --password-command pwd>/dev/null", basic("bob:")},
		"a host that the netrc has not":    {nil, "--admin-url " + strings.Replace(url, "127.0.0.1", "localhost", 1), ""},
		"a token, a user by its variable":  {[]string{admin, "WSPROXY_USER=eve"}, "--token t5", "Bearer t5"},
		"a user, a token by its variable":  {[]string{admin, "WSPROXY_TOKEN=t6"}, "--user eve:pw", basic("eve:pw")},
		"a password by its variable":       {[]string{admin, "WSPROXY_USER=eve", "WSPROXY_PASSWORD=pw"}, "", basic("eve:pw")},
		"no password of another's profile": {[]string{"WSPROXY_PASSWORD=pw"}, "--profile staging --user eve", basic("eve:")},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, files)
			header.Store("nothing")
			code, _, stderr := run(t, test.environ, append([]string{"topics"}, strings.Fields(test.args)...)...)
			if got := header.Load(); code != 0 || got != test.want {
				t.Errorf("it was asked with %q, want %q; exit code %d, %s", got, test.want, code, stderr)
			}
		})
	}
}

// TestAProfileOfAClient is what sockets are opened with, too.
func TestAProfileOfAClient(t *testing.T) {
	url := develop(t, "t")
	write(t, map[string]string{"profiles": "profiles: {here: {url: '" + url + "', user: alice, password-command: echo pw, client-id: me}}"})
	t.Setenv("WSPROXY_URL", "ws://127.0.0.1:1")
	succeed(t, "1\n", "produce", "-t", "t", "--profile", "here")
	if got := succeed(t, "", "consume", "-t", "t", "-e", "--profile", "here"); got != "1\n" {
		t.Errorf("got %q", got)
	}
	if _, got, _ := pipe(t, "", "__complete", "consume", "--profile", ""); !strings.HasPrefix(got, "here\n") {
		t.Errorf("profiles are completed by %q", got)
	}
}

func TestProfilesThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ file, args, want string }{
		"no file":           {"", "--profile x", "no such file"},
		"no such profile":   {"profiles: {b: {}, a: {}}", "--profile x", `has no profile "x"; it has a, b`},
		"a password":        {"profiles: {x: {user: 'a:hunter2'}}", "--profile x", "a secret in user: name a file or a command that has it, by password-file or password-command"},
		"one at Kafka":      {"profiles: {x: {kafka-user: 'a:hunter2'}}", "--profile x", "by kafka-password-file"},
		"a token":           {"profiles: {x: {token: hunter2}}", "--profile x", "by token-file or token-command"},
		"another flag":      {"profiles: {x: {topic: t}}", "--profile x", "has topic: it may have url, admin-url"},
		"a bad value":       {"profiles: {x: {insecure: maybe}}", "--profile x", "insecure is"},
		"another form":      {"x: {token: hunter2}", "--profile x", "see line 1"},
		"no YAML":           {"profiles: {x: hunter2", "--profile x", "must be like"},
		"a bad default":     {"profiles: {default: {token: hunter2}}", "", "a secret in token"},
		"two passwords":     {"profiles: {x: {url: 'ws://h', user: a, password-file: f, password-command: c}}", "--profile x", "two passwords"},
		"a command":         {"profiles: {x: {url: 'ws://h', user: a, password-command: exit 3}}", "--profile x", "--password-command: exit status 3"},
		"nothing in it":     {"profiles: {x: {}}", "--profile x", "--url"},
		"no default":        {"profiles: {x: {url: 'ws://h'}}", "", "--profile"},
		"a password's file": {"profiles: {x: {url: 'ws://h', user: a, password-file: absent}}", "--profile x", "absent: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			directory := write(t, nil)
			if test.file != "" {
				if err := os.WriteFile(filepath.Join(directory, "profiles"), []byte(test.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			code, _, stderr := run(t, nil, append([]string{"consume", "-t", "t"}, strings.Fields(test.args)...)...)
			if code != 2 || !strings.Contains(stderr, test.want) || strings.Contains(stderr, "hunter2") {
				t.Errorf("exit code %d, %s", code, stderr)
			}
		})
	}
}
