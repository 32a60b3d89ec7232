package e2e

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/cli"
)

// shared is an output of a command that runs.
type sharedOutput struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *sharedOutput) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *sharedOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// TestWorkSettlesARecordByTheExitCodeOfItsCommand has three records accepted, of which one is released at first, and one rejected.
func TestWorkSettlesARecordByTheExitCodeOfItsCommand(t *testing.T) {
	onReal(t, func(t *testing.T, k *cluster) {
		topic, group := k.topic(t, 1), k.group()
		for _, value := range []string{"well", "again", "never", "well"} {
			k.produce(t, topic, &kgo.Record{Key: []byte("k"), Value: []byte(value)})
		}
		const command = `read value
			echo "$RECORD_KEY $value $RECORD_COUNT"
			case $value-$RECORD_COUNT in never-*) exit 65;; again-1) exit 1;; esac`
		ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
		defer cancel()
		var stdout, stderr sharedOutput
		code := cli.Run(ctx, cli.Process{
			Args:   []string{"work", "--url", "ws://" + k.run(t).addr, "-t", topic, "-g", group, "--parallel", "2", "-c", "5", "--", "sh", "-c", command},
			Stdout: &stdout, Stderr: &stderr,
		})
		if code != 0 {
			t.Errorf("exit code %d", code)
		}
		for _, want := range []string{"k well 1\n", "k again 1\n", "k again 2\n", "k never 1\n"} {
			if !strings.Contains(stdout.String(), want) {
				t.Errorf("it lacks %q", want)
			}
		}
		if strings.Contains(stdout.String(), "never 2") || !strings.Contains(stderr.String(), "rejected") || !strings.Contains(stderr.String(), "released: exit status 1") {
			t.Errorf("stdout:\n%s\nstderr:\n%s", stdout.String(), stderr.String())
		}
	})
}
