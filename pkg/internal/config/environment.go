package config

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// maxFileBytes bounds the file of a variable's _FILE form.
const maxFileBytes = 1 << 20

// environment holds the proxy's variables.
type environment map[string]string

func newEnvironment(environ []string) environment {
	env := environment{}
	for _, entry := range environ {
		name, value, ok := strings.Cut(entry, "=")
		if ok && strings.HasPrefix(name, Prefix) {
			env[name] = value
		}
	}
	return env
}

func (e environment) names() []string {
	names := make([]string, 0, len(e))
	for name := range e {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// readValueFile returns the content of a file without one final newline.
func readValueFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("reading the value: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		return "", fmt.Errorf("reading the value: %w", err)
	}
	if len(content) > maxFileBytes {
		return "", fmt.Errorf("reading the value: %s is larger than %s", path, formatSize(maxFileBytes))
	}
	text := strings.TrimSuffix(string(content), "\n")
	return strings.TrimSuffix(text, "\r"), nil
}
