package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

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
	entries, err := parseNetrc(string(text))
	if err != nil {
		return fmt.Errorf("looking for credentials: %s, %w", name, err)
	}
	for _, e := range entries {
		if e.machine == host && (o.User == "" || o.User == e.login) {
			o.User, o.Password = e.login, e.password
			return nil
		}
	}
	return nil
}
