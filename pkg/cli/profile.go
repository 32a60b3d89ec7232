package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// defaultProfile is the profile that is used where nothing names a proxy.
const defaultProfile = "default"

// profile are flags by their names.
type profile map[string]string

// profileFile is the form of the file of profiles.
type profileFile struct {
	Profiles map[string]profile `yaml:"profiles"`
}

// loginFlags prove who the user is. They are taken together, from one place.
func loginFlags() []string {
	return []string{"user", "password-file", "password-command", "token", "token-file", "token-command"}
}

// profileFlags are the flags that a profile may have.
func profileFlags() []string {
	return []string{
		"url", "admin-url", "client-id", "user", "password-file", "password-command", "token-file", "token-command",
		"kafka-user", "kafka-password-file", "kafka-password-command", "tls-ca", "tls-cert", "tls-key", "insecure", "patience",
	}
}

// takeProfile sets the flags that were not given from the profile that is named. Where none is, and nothing says which proxy is meant, it is the
// profile default, if there is one. A profile that is not named on the command line is for no address that is: its credentials would go
// elsewhere.
func (f *connectFlags) takeProfile() error {
	name, isAddressGiven := f.profile, f.isGiven("url", "admin-url")
	if name == "" && !isAddressGiven {
		name = os.Getenv(profileVariable)
	}
	f.named = name != ""
	if !f.named && (isAddressGiven || os.Getenv(urlVariable) != "" || os.Getenv(adminVariable) != "") {
		return nil
	}
	path, err := profilesPath()
	if err != nil {
		return err
	}
	profiles, err := readProfiles(path)
	if err != nil && (f.named || !errors.Is(err, fs.ErrNotExist)) {
		return fmt.Errorf("--profile: %w", err)
	}
	chosen, found := profiles[cmp.Or(name, defaultProfile)]
	if !found && f.named {
		return fmt.Errorf("--profile: %s has no profile %q; it has %s", path, name, strings.Join(slices.Sorted(maps.Keys(profiles)), ", "))
	}
	return f.take(chosen, filepath.Dir(path))
}

// isGiven tells whether one of the flags is on the command line.
func (f *connectFlags) isGiven(names ...string) bool {
	return slices.ContainsFunc(names, f.flags.Changed)
}

// take sets the flags that were not given. Names of files are relative to directory.
func (f *connectFlags) take(p profile, directory string) error {
	hasLogin := f.isGiven(loginFlags()...)
	for name, value := range p {
		flag := f.flags.Lookup(name)
		if flag == nil || f.isGiven(name) || hasLogin && slices.Contains(loginFlags(), name) {
			continue
		}
		if strings.HasSuffix(name, "-file") || strings.HasPrefix(name, "tls-") {
			value = pathIn(directory, value)
		}
		if err := flag.Value.Set(value); err != nil { // it stays unchanged for isGiven
			return fmt.Errorf("--profile: %s is %q: %w", name, value, err)
		}
	}
	return nil
}

// pathIn returns the name of a file that a profile has. ~/ is the home directory.
func pathIn(directory, name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(directory, name)
}

// profilesPath returns where the file of profiles is.
func profilesPath() (string, error) {
	if path := os.Getenv(profilesVariable); path != "" {
		return path, nil
	}
	directory, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("looking for profiles: %w: set %s", err, profilesVariable)
	}
	return filepath.Join(directory, "wsproxy", "profiles.yaml"), nil
}

// readProfiles reads the file of profiles.
func readProfiles(path string) (map[string]profile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	var f profileFile
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s must be like \"profiles: {staging: {url: ws://HOST:8078}}\": %s", path, lineOf(err))
	}
	for name, p := range f.Profiles {
		if err := p.check(); err != nil {
			return nil, fmt.Errorf("%s: profile %s %w", path, name, err)
		}
	}
	return f.Profiles, nil
}

// lineOf returns where an error of the library is. Its text may have a value, which may be a secret.
func lineOf(err error) string {
	text := err.Error()
	if at := strings.Index(text, "line "); at >= 0 {
		line, _, _ := strings.Cut(text[at:], ":")
		return "see " + line
	}
	return "it is no YAML of that form"
}

// check refuses what a profile cannot have: flags that are none of a connection, and secrets, which such a file is no place for.
func (p profile) check() error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		switch {
		case name == "token", name == "password", name == "kafka-password", strings.HasSuffix(name, "user") && strings.Contains(p[name], ":"):
			return fmt.Errorf("has a secret in %s: name a file or a command that has it, by %s", name, secretFlags(name))
		case !slices.Contains(profileFlags(), name):
			return fmt.Errorf("has %s: it may have %s", name, strings.Join(profileFlags(), ", "))
		}
	}
	return nil
}

// secretFlags names what a profile may have in the place of a secret.
func secretFlags(name string) string {
	kind := strings.TrimSuffix(name, "user")
	if kind == "" || kind == "kafka-" {
		kind += "password"
	}
	return kind + "-file or " + kind + "-command"
}

// completeProfiles completes the value of --profile.
func completeProfiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	path, err := profilesPath()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	profiles, _ := readProfiles(path)
	return slices.Sorted(maps.Keys(profiles)), cobra.ShellCompDirectiveNoFileComp
}
