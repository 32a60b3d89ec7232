package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// buildTimeout bounds building the program on a slow machine with empty caches.
const buildTimeout = 5 * time.Minute

// Program is the program, built from this module when it is first asked for. The zero value
// is ready for use, by any number of goroutines.
type Program struct {
	once sync.Once
	dir  string
	err  error
}

// Path builds the program, the first time, and returns where it lies.
func (p *Program) Path() (string, error) {
	p.once.Do(func() { p.dir, p.err = build() })
	return filepath.Join(p.dir, "wsproxy"), p.err
}

func build() (string, error) {
	dir, err := os.MkdirTemp("", "wsproxy-program-")
	if err != nil {
		return "", fmt.Errorf("making a folder for the program: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", dir,
		"github.com/wsproxy/kafka-websocket-proxy/cmd/wsproxy")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return dir, nil
}

// Remove removes what was built. Nothing may run anymore.
func (p *Program) Remove() error {
	if p.dir == "" {
		return nil
	}
	if err := os.RemoveAll(p.dir); err != nil {
		return fmt.Errorf("removing the program: %w", err)
	}
	return nil
}
