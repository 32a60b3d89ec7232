package reread_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/reread"
)

// rig watches files of a folder in virtual time, and records the contents that Use gets.
type rig struct {
	*testing.T
	folder string
	used   []string // the contents, joined by |
	faulty string   // a content that is refused
	failed int
	log    bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	return &rig{T: t, folder: t.TempDir()}
}

func (r *rig) path(name string) string { return filepath.Join(r.folder, name) }

func (r *rig) write(name, content string) {
	r.Helper()
	if err := os.WriteFile(r.path(name), []byte(content), 0o600); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) use(contents [][]byte) error {
	joined := string(bytes.Join(contents, []byte("|")))
	if r.faulty != "" && joined == r.faulty {
		return errors.New("it is faulty")
	}
	r.used = append(r.used, joined)
	return nil
}

// watch runs test beside a Watch of the files called names. In between, settle lets time pass.
func (r *rig) watch(test func(settle func()), names ...string) {
	var paths []string
	for _, name := range names {
		paths = append(paths, r.path(name))
	}
	synctest.Test(r.T, func(t *testing.T) {
		files, err := reread.Open(reread.Options{
			Paths: paths, Use: r.use, Failed: func() { r.failed++ },
			Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			files.Watch(ctx)
		}()
		test(func() {
			time.Sleep(3 * reread.Interval)
			synctest.Wait()
		})
		stop()
		<-ended
	})
}

func (r *rig) wantUsed(want ...string) {
	r.Helper()
	if !slices.Equal(r.used, want) {
		r.Errorf("used %q, want %q", r.used, want)
	}
}

func TestAChangeIsUsedOnce(t *testing.T) {
	for name, change := range map[string]func(r *rig){
		"written over": func(r *rig) { r.write("a", "two") },
		"renamed into place": func(r *rig) {
			r.write("new", "two")
			if err := os.Rename(r.path("new"), r.path("a")); err != nil {
				r.Fatal(err)
			}
		},
		"of the same length and time": func(r *rig) {
			info, err := os.Stat(r.path("a"))
			if err != nil {
				r.Fatal(err)
			}
			r.write("a", "two")
			if err := os.Chtimes(r.path("a"), info.ModTime(), info.ModTime()); err != nil {
				r.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.write("a", "one")
			r.watch(func(settle func()) {
				settle()
				change(r)
				settle()
				settle()
			}, "a")
			r.wantUsed("one", "two")
		})
	}
}

// TestASwappedLinkIsAChange replaces files as Kubernetes does those of a mounted secret: the
// files are links through a link to a folder, which is renamed into place.
func TestASwappedLinkIsAChange(t *testing.T) {
	r := newRig(t)
	version := func(folder, content string) {
		if err := os.Mkdir(r.path(folder), 0o700); err != nil {
			t.Fatal(err)
		}
		r.write(filepath.Join(folder, "tls.crt"), content)
		if err := errors.Join(os.Symlink(folder, r.path("..data_tmp")), os.Rename(r.path("..data_tmp"), r.path("..data"))); err != nil {
			t.Fatal(err)
		}
	}
	version("..1", "one")
	if err := os.Symlink(filepath.Join("..data", "tls.crt"), r.path("tls.crt")); err != nil {
		t.Fatal(err)
	}
	r.watch(func(settle func()) {
		version("..2", "two")
		settle()
	}, "tls.crt")
	r.wantUsed("one", "two")
}

func TestFilesThatBelongTogetherAreUsedTogether(t *testing.T) {
	r := newRig(t)
	r.write("crt", "c1")
	r.write("key", "k1")
	r.watch(func(settle func()) {
		r.write("crt", "c2")
		time.Sleep(reread.Interval) // the change is found once
		synctest.Wait()
		r.write("key", "k2")
		settle()
	}, "crt", "key")
	r.wantUsed("c1|k1", "c2|k2")
}

func TestAFaultyChangeIsToldOnceAndKeepsTheOld(t *testing.T) {
	r := newRig(t)
	r.faulty = "two"
	r.write("a", "one")
	r.watch(func(settle func()) {
		r.write("a", "two")
		settle()
		settle()
		r.write("a", "three")
		settle()
	}, "a")
	r.wantUsed("one", "three")
	if told := strings.Count(r.log.String(), "it is faulty"); told != 1 || r.failed != 1 {
		t.Errorf("told %d times, counted %d times:\n%s", told, r.failed, r.log.String())
	}
}

func TestFilesThatCannotBeReadKeepTheOld(t *testing.T) {
	for name, spoil := range map[string]func(r *rig){
		"removed":  func(*rig) {},
		"a folder": func(r *rig) { _ = os.Mkdir(r.path("a"), 0o700) },
		"too long": func(r *rig) { r.write("a", strings.Repeat("x", reread.MaxBytes+1)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.write("a", "one")
			r.watch(func(settle func()) {
				if err := os.Remove(r.path("a")); err != nil {
					t.Fatal(err)
				}
				spoil(r)
				settle()
				settle()
				if err := os.Remove(r.path("a")); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				r.write("a", "one")
				settle()
				r.write("a", "two")
				settle()
			}, "a")
			r.wantUsed("one", "two")
			if r.failed != 1 || !strings.Contains(r.log.String(), r.path("a")) {
				t.Errorf("counted %d times:\n%s", r.failed, r.log.String())
			}
		})
	}
}

func TestFilesThatCannotBeUsedDoNotOpen(t *testing.T) {
	r := newRig(t)
	r.write("a", "one")
	r.faulty = "one"
	for _, name := range []string{"a", "missing"} {
		_, err := reread.Open(reread.Options{Paths: []string{r.path(name)}, Use: r.use, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			t.Errorf("%s was opened", name)
		}
	}
}
