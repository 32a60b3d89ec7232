package kafka

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

// recordedEnd is a testing.TB that records how a test was ended.
type recordedEnd struct {
	testing.TB
	word string
}

func (v *recordedEnd) Helper()                  {}
func (v *recordedEnd) Skipf(f string, a ...any) { v.end("skip: " + fmt.Sprintf(f, a...)) }
func (v *recordedEnd) Fatal(a ...any)           { v.end("fail: " + fmt.Sprint(a...)) }

// end panics where testing would end the goroutine.
func (v *recordedEnd) end(word string) {
	v.word = word
	panic(v)
}

func endOf(err error) (word string) {
	v := &recordedEnd{}
	defer func() {
		if r := recover(); r != v {
			panic(r)
		}
		word = v.word
	}()
	giveUp(v, err)
	return ""
}

func TestGiveUp(t *testing.T) {
	missing := fmt.Errorf("installing: %w: java", ErrMissing)
	for name, c := range map[string]struct {
		requireAll string
		err        error
		want       string
	}{
		"missing program":                  {"", missing, "skip: needs a real Kafka: installing: missing program: java"},
		"missing program, set to no":       {"0", missing, "skip: needs a real Kafka: installing: missing program: java"},
		"missing program, all is required": {"1", missing, "fail: installing: missing program: java"},
		"other error":                      {"", errors.New("broken"), "fail: broken"},
		"other error, all is required":     {"1", errors.New("broken"), "fail: broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(requireAllVariable, c.requireAll)
			if got := endOf(c.err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestStartWithoutJavaSaysSo(t *testing.T) {
	t.Setenv("JAVA_HOME", "")
	t.Setenv("PATH", t.TempDir())
	_, err := Start(t.Context(), Options{})
	checkMissing(t, err, "java")
}

func TestStartWithoutMavenSaysSo(t *testing.T) {
	path, err := exec.LookPath("java")
	if err != nil {
		t.Skip("needs java")
	}
	path, err = filepath.EvalSymlinks(path)
	must(t, err)
	only := t.TempDir()
	must(t, os.Symlink(path, filepath.Join(only, "java")))
	t.Setenv("JAVA_HOME", "")
	t.Setenv("PATH", only)
	emptyCache(t)
	_, err = Start(t.Context(), Options{})
	checkMissing(t, err, "mvn")
}

func emptyCache(t *testing.T) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", "")
}

func checkMissing(t *testing.T, err error, program string) {
	t.Helper()
	if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), program) {
		t.Errorf("got %v, want that %s is missing", err, program)
	}
}

func TestRunningKafkaIsUsed(t *testing.T) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	must(t, err)
	defer cluster.Close()
	bootstrap := cluster.ListenAddrs()[0] + ",127.0.0.1:1"
	t.Setenv(BootstrapVariable, bootstrap)

	b, err := startOrFind(deadline(t))
	must(t, err)
	if b.Addr() != bootstrap || b.PID() != 0 || b.Done() != nil || b.LogTail() != "" {
		t.Errorf("%s, process %d, done %v, log %q", b.Addr(), b.PID(), b.Done(), b.LogTail())
	}
	for name, err := range map[string]error{
		"Kill": b.Kill(), "Stop": b.Stop(), "Pause": b.Pause(), "Resume": b.Resume(), "Restart": b.Restart(t.Context()),
	} {
		if !errors.Is(err, ErrExternal) {
			t.Errorf("%s gives %v", name, err)
		}
	}
	must(t, b.Close())
	if _, err := countBrokers(deadline(t), cluster.ListenAddrs()[0]); err != nil {
		t.Errorf("after Close it does not answer: %v", err)
	}
}

func TestRunningKafkaThatDoesNotAnswerIsAnError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	t.Setenv(BootstrapVariable, listener.Addr().String())
	_, err = startOrFind(deadline(t))
	if err == nil || !strings.Contains(err.Error(), BootstrapVariable) || errors.Is(err, ErrMissing) {
		t.Errorf("got %v", err)
	}
}
