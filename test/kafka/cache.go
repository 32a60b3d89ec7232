package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const lockPollInterval = 50 * time.Millisecond

// cacheDir returns the named folder of the cache, which it makes if need be.
func cacheDir(name string) (string, error) {
	root, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w", err)
	}
	dir := filepath.Join(root, "kafka-websocket-proxy", "kafka", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the cache folder: %w", err)
	}
	return dir, nil
}

// withLock runs do while it holds the lock file at path, so that test processes which run
// at the same time do the work once. The lock goes with the process that held it.
func withLock(ctx context.Context, path string, do func() error) error {
	file, err := lock(ctx, path)
	if err != nil {
		return fmt.Errorf("locking %s: %w", path, err)
	}
	defer file.Close()
	return do()
}

// lock waits until it holds the lock file at path. Closing the file gives it up.
func lock(ctx context.Context, path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		held, err := tryLock(file)
		if held {
			return file, nil
		}
		if err == nil {
			err = pause(ctx, lockPollInterval)
		}
		if err != nil {
			file.Close()
			return nil, err
		}
	}
}

// pause waits for the interval between two looks at a condition.
func pause(ctx context.Context, interval time.Duration) error {
	timer := time.NewTimer(interval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// writeFile writes a file that is either whole or not there.
func writeFile(path, text string) error {
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
