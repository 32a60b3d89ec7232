package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/client"
)

// fromNetrc takes the user and the password that NETRC, or .netrc in the home directory, has for a host. A user who is given already gets
// the password of an entry with that login alone. The entry default is not taken: it would give a password to any host that is
// misspelt.
func fromNetrc(o *client.Options, host string) error {
	name := os.Getenv("NETRC")
	if name == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil //nolint:nilerr // there is none
		}
		name = filepath.Join(home, ".netrc")
		if runtime.GOOS == "windows" {
			name = filepath.Join(home, "_netrc")
		}
	}
	text, err := os.ReadFile(name) //nolint:gosec // the user says which
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for credentials: %w", err)
	}
	for _, e := range parseNetrc(string(text)) {
		if e.machine == host && (o.User == "" || o.User == e.login) {
			o.User, o.Password = e.login, e.password
			return nil
		}
	}
	return nil
}

// netrcEntry is what a netrc says of a machine.
type netrcEntry struct{ machine, login, password string }

// parseNetrc reads the entries before the first default. Lines that begin with # and macros are left out, as curl does.
func parseNetrc(text string) (entries []netrcEntry) {
	words := netrcWords(text)
	for i := 0; i < len(words); i++ {
		if words[i] == "default" {
			break
		}
		if i+1 == len(words) {
			break
		}
		switch words[i] {
		case "machine":
			entries = append(entries, netrcEntry{machine: words[i+1]})
		case "login":
			if len(entries) > 0 {
				entries[len(entries)-1].login = words[i+1]
			}
		case "password":
			if len(entries) > 0 {
				entries[len(entries)-1].password = words[i+1]
			}
		}
		i++ // all words come in pairs, account too
	}
	return slices.DeleteFunc(entries, func(e netrcEntry) bool { return e.login == "" })
}

// netrcWords returns the words of a netrc that are no comments and in no macro, which ends at an empty line.
func netrcWords(text string) (words []string) {
	inMacro := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
			inMacro = false
		case inMacro, strings.HasPrefix(fields[0], "#"):
		default:
			if at := slices.Index(fields, "macdef"); at >= 0 {
				fields, inMacro = fields[:at], true
			}
			words = append(words, fields...)
		}
	}
	return words
}
