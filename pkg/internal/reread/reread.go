// Package reread reloads files when they change.
//
// Files are compared by their content, so that it does not matter how they are replaced: written over,
// renamed into place, or behind the symbolic links that Kubernetes swaps for a mounted secret. A change
// is applied when it was found twice in a row, so that a file that is being written, or a certificate
// that was replaced before its key, is not taken for the new state.
package reread

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"
)

const (
	// Interval is how often files are read. A change is in force after at most three intervals.
	Interval = 2 * time.Second
	// MaxBytes is the longest file that is read.
	MaxBytes = 16 << 20
)

// Options say which files are kept up to date, and how.
type Options struct {
	// Paths names files that belong together, such as a certificate and its key.
	Paths []string
	// Use takes the files' contents, in the order of Paths. If it returns an error, the previous contents
	// stay in force. The error is logged: it must not hold secrets.
	Use func(contents [][]byte) error
	// Failed is called for every change that could not be applied; may be nil.
	Failed func()
	Log    *slog.Logger
}

// Files are files that are reloaded while Watch runs.
type Files struct {
	options Options

	// Watch's.
	taken   digest // of what Use was last called with, whatever it returned
	found   digest // at the last check
	problem string // why the files could not be read at the last check
}

type digest [sha256.Size]byte

// Open reads the files and calls Use. Its error says why they cannot be read, or is that of Use.
func Open(o Options) (*Files, error) {
	f := &Files{options: o}
	contents, err := f.read()
	if err != nil {
		return nil, err
	}
	f.taken = digestOf(contents)
	f.found = f.taken
	return f, o.Use(contents)
}

// Watch checks the files every Interval until ctx ends.
func (f *Files) Watch(ctx context.Context) {
	ticker := time.NewTicker(Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.look()
		case <-ctx.Done():
			return
		}
	}
}

func (f *Files) look() {
	contents, err := f.read()
	if err != nil {
		f.unreadable(err)
		return
	}
	if f.problem != "" {
		f.problem = ""
		f.options.Log.Info("files can be read again", "files", f.options.Paths)
	}
	before := f.found
	f.found = digestOf(contents)
	if f.found == f.taken || f.found != before {
		return
	}
	f.taken = f.found
	if err := f.options.Use(contents); err != nil {
		f.failed(err)
		return
	}
	f.options.Log.Info("changed files are in force", "files", f.options.Paths)
}

// unreadable logs once why files cannot be read.
func (f *Files) unreadable(err error) {
	if f.problem == err.Error() {
		return
	}
	f.problem = err.Error()
	f.failed(err)
}

func (f *Files) failed(err error) {
	f.options.Log.Error("changed files cannot be used: what was read before stays in force",
		"files", f.options.Paths, "err", err)
	if f.options.Failed != nil {
		f.options.Failed()
	}
}

func (f *Files) read() ([][]byte, error) {
	contents := make([][]byte, len(f.options.Paths))
	for i, path := range f.options.Paths {
		content, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading a file: %w", err)
		}
		contents[i] = content
	}
	return contents, nil
}

// readFile reads a whole file, and refuses one that is too long or not a regular file.
func readFile(path string) (content []byte, err error) {
	info, err := os.Stat(path) // opening a pipe would wait for its writer
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("not a regular file")}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	content, err = io.ReadAll(io.LimitReader(file, MaxBytes+1))
	if err == nil && len(content) > MaxBytes {
		err = &os.PathError{Op: "read", Path: path, Err: fmt.Errorf("longer than %d bytes", MaxBytes)}
	}
	return content, err
}

// digestOf returns a digest of the contents and of their boundaries.
func digestOf(contents [][]byte) digest {
	h := sha256.New()
	for _, content := range contents {
		part := sha256.Sum256(content)
		_, _ = h.Write(part[:])
	}
	return digest(h.Sum(nil))
}
