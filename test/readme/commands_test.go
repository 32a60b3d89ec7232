package readme

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testCommands pastes the session of docs/command-line.md into a shell, a command at a time, and compares what comes with what the page
// shows. The program is built already.
func (r *reader) testCommands(t *testing.T) {
	t.Helper()
	bin, err := filepath.Abs(inRoot("bin"))
	if err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + bin + ":$PATH "
	server := start(t, path+r.take(t, commandLine, "sh commands")+" --port 0 --admin-port 0 --kafka-port 0", "WSPROXY_LOG_LEVEL=warn")
	at := server.await(t, `listens on (localhost:\d+), its own`)[1]
	session := strings.ReplaceAll(r.take(t, commandLine, "sh session"), r.at.main, at) // it has the broker of its own
	script, want := "export "+path+"\n", ""
	for line := range strings.Lines(session + "\n") {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			script += command
			continue
		}
		want += line
	}
	// A busy proxy may ask a client to come again, which says so.
	if got := run(t, "set -o pipefail\n("+script+") 2>&1 | grep -v 'trying again in'; true"); strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nthe page says\n%s", got, want)
	}
	profiles := filepath.Join(t.TempDir(), "profiles.yaml")
	if err := os.WriteFile(profiles, []byte(strings.ReplaceAll(r.take(t, commandLine, "yaml profiles"), r.at.main, at)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run(t, path+"wsproxy consume -t notes -e --key pears 2>/dev/null", "WSPROXY_PROFILES="+profiles); got != "5\n" {
		t.Errorf("the profile default gets %q", got)
	}
}
