package kafka

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// runDir is a folder for one broker's run. It is locked for as long as its process lives,
// so that a later one can tell what was left behind.
type runDir struct {
	path string
	lock *os.File
}

// newRunDir makes a folder under the cache, and removes those whose processes died.
func newRunDir(ctx context.Context) (*runDir, error) {
	parent, err := cacheDir("run")
	if err != nil {
		return nil, err
	}
	return newRunDirIn(ctx, parent)
}

func newRunDirIn(ctx context.Context, parent string) (*runDir, error) {
	var run *runDir
	err := withLock(ctx, sweepLockPath(parent), func() error {
		if err := sweep(parent); err != nil {
			return err
		}
		path, err := os.MkdirTemp(parent, "broker-")
		if err != nil {
			return err
		}
		file, err := lock(ctx, lockPath(path))
		run = &runDir{path: path, lock: file}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("making a folder for a broker: %w", err)
	}
	return run, nil
}

// sweepLockPath is the lock under which folders come and go.
func sweepLockPath(parent string) string { return parent + ".lock" }

func lockPath(dir string) string { return filepath.Join(dir, "lock") }

// sweep removes the folders that no living process holds.
func sweep(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := removeIfLeft(filepath.Join(parent, entry.Name())); err != nil {
			return fmt.Errorf("removing what an earlier run left: %w", err)
		}
	}
	return nil
}

func removeIfLeft(dir string) error {
	file, err := os.OpenFile(lockPath(dir), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	left, err := tryLock(file)
	if err != nil || !left {
		return err
	}
	return os.RemoveAll(dir)
}

// remove deletes the folder with all that is in it.
func (r *runDir) remove() error {
	defer r.lock.Close()
	return withLock(context.Background(), sweepLockPath(filepath.Dir(r.path)), func() error {
		return os.RemoveAll(r.path)
	})
}
