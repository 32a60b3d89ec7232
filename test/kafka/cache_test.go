package kafka

import (
	"context"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestLockIsHeldByOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := lock(t.Context(), path)
	must(t, err)

	over, cancel := context.WithCancel(t.Context())
	cancel()
	err = withLock(over, path, func() error {
		t.Error("ran without the lock")
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a held lock gives %v", err)
	}

	must(t, held.Close())
	ran := false
	must(t, withLock(deadline(t), path, func() error { ran = true; return nil }))
	if !ran {
		t.Error("did not run with the lock")
	}
}

func TestRunDirs(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "run")
	left := filepath.Join(parent, "broker-left")
	must(t, os.MkdirAll(filepath.Join(left, "data"), 0o755))
	first, err := newRunDirIn(t.Context(), parent)
	must(t, err)
	second, err := newRunDirIn(t.Context(), parent)
	must(t, err)
	if exists(left) {
		t.Error("a folder that nobody holds was left")
	}
	if !exists(first.path) || !exists(second.path) {
		t.Error("a folder in use was removed")
	}
	must(t, first.remove())
	if exists(first.path) || !exists(second.path) {
		t.Error("remove did not remove its folder alone")
	}
	must(t, second.remove())
}

func TestClassPathIsTakenFromTheCacheOnlyWhenItFits(t *testing.T) {
	const wanted = "<project/>"
	for name, c := range map[string]struct {
		pom  string
		jars []string
		want bool
	}{
		"all there":      {wanted, []string{"a.jar", "b.jar"}, true},
		"jar is missing": {wanted, []string{"a.jar", "gone.jar"}, false},
		"other project":  {"<other/>", []string{"a.jar"}, false},
		"empty":          {wanted, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			list := ""
			for _, jar := range c.jars {
				list += string(filepath.ListSeparator) + filepath.Join(dir, jar)
			}
			list = list[min(1, len(list)):]
			writeFiles(t, dir, map[string]string{"a.jar": "", "b.jar": "", pomFile: c.pom, classPathFile: list + "\n"})
			got, ok := cachedClassPath(dir, wanted)
			if ok != c.want || ok && got != list {
				t.Errorf("got %q, %t", got, ok)
			}
		})
	}
}

func TestStaleClassPathGoesWithItsArchives(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"classes-1.jsa": "", classPathFile: "a.jar", "lock": ""})
	must(t, dropStale(dir))
	must(t, dropStale(dir)) // nothing left to drop
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) != 1 || entries[0].Name() != "lock" {
		t.Errorf("left: %v", entries)
	}
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		must(t, writeFile(filepath.Join(dir, name), text))
	}
}

func TestPom(t *testing.T) {
	var project struct {
		Dependencies []struct {
			Artifact string   `xml:"artifactId"`
			Version  string   `xml:"version"`
			Exclude  []string `xml:"exclusions>exclusion>artifactId"`
		} `xml:"dependencies>dependency"`
	}
	must(t, xml.Unmarshal([]byte(pom(toolsBundle().dependencies)), &project))
	d := project.Dependencies
	if len(d) != 3 {
		t.Fatalf("got %d dependencies, want 3", len(d))
	}
	if d[1].Artifact != "kafka-tools" || d[1].Version != ToolsVersion || len(d[1].Exclude) != 1 || d[1].Exclude[0] != "connect-runtime" {
		t.Errorf("got %+v", d[1])
	}
}
