package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/cli"
)

// TestCredentialsThatAreWrongEndACommandAtOnce with what to do about them, and without the secret.
func TestCredentialsThatAreWrongEndACommandAtOnce(t *testing.T) {
	setEnvironment(t, []string{"WSPROXY_BASIC_AUTH_ENABLED=true", "WSPROXY_BASIC_AUTH_USERNAME=alice", "WSPROXY_BASIC_AUTH_PASSWORD=sesame"})
	develop(t, "t")
	const patient = "--patience 1h" // what is in vain is not tried again
	for name, args := range map[string]string{
		"a wrong token":      "--token hunter2",
		"a wrong password":   "--user alice:hunter2",
		"another user":       "--user eve:hunter2",
		"no credentials":     "",
		"a token by command": "--token-command echo${IFS}hunter2",
	} {
		for _, command := range []string{"produce -t t", "consume -t t -e", "tail -t t", "work -t t -g g", "bench -t t --messages 1"} {
			t.Run(name+"/"+strings.Fields(command)[0], func(t *testing.T) {
				words := strings.Fields(command + " " + patient + " " + args)
				if words[0] == "work" {
					words = append(words, "--", "true")
				}
				code, stdout, stderr := pipe(t, "x\n", words...)
				if code != 1 || stdout != "" || !strings.Contains(stderr, "NOT_AUTHENTICATED") || !strings.Contains(stderr, "Give credentials: --user") || strings.Contains(stderr, "hunter2") {
					t.Errorf("exit code %d, %q, %s", code, stdout, stderr)
				}
			})
		}
	}
}

// endless is a file of any length: lines of 1,000 bytes, which are counted.
type endless struct{ read atomic.Int64 }

func (e *endless) Read(b []byte) (int, error) {
	line := append(bytes.Repeat([]byte("x"), 999), '\n')
	n := 0
	for n+len(line) <= len(b) {
		n += copy(b[n:], line)
	}
	if n == 0 {
		n = copy(b, line[len(line)-len(b):])
	}
	e.read.Add(int64(n))
	return n, nil
}

// TestAFileOfAnyLengthIsReadNoFasterThanItIsAcknowledged has a proxy that acknowledges nothing: of a file without an end as much is read as may be in
// flight, and one buffer of the lines and one of the pipe.
func TestAFileOfAnyLengthIsReadNoFasterThanItIsAcknowledged(t *testing.T) {
	messages := make(chan int, 1<<16)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = ws.CloseNow() }()
		ws.SetReadLimit(-1)
		for {
			_, message, err := ws.Read(r.Context())
			if err != nil {
				return
			}
			messages <- strings.Count(string(message), `"value":{`)
		}
	}))
	defer s.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var file endless
	var stderr output
	code := make(chan int)
	go func() {
		code <- cli.Run(ctx, cli.Process{Args: []string{"produce", "-t", "t", "--url", s.URL}, Stdin: &file, Stdout: io.Discard, Stderr: &stderr})
	}()
	for inFlight := 0; inFlight < 2000; {
		inFlight += <-messages
	}
	interrupt()
	if got := <-code; got != 130 {
		t.Errorf("exit code %d", got)
	}
	const most = 2000*1000 + 256<<10 + 32<<10 + 1000
	if read := file.read.Load(); read > most {
		t.Errorf("%d bytes were read, more than %d", read, most)
	}
	if got := stderr.String(); !strings.Contains(got, "0 messages were acknowledged, and 2000 that were in flight are written or not: go on with --from-line 1, and up to 2000 messages may be there twice\n") {
		t.Errorf("it says %s", got)
	}
}

// TestARunThatWasInterruptedGoesOnAtTheLineThatItHasSaid so that no line of the file is missing, and none that was acknowledged is written again.
func TestARunThatWasInterruptedGoesOnAtTheLineThatItHasSaid(t *testing.T) {
	develop(t, "t")
	const lines = 300
	var file strings.Builder
	for i := range lines {
		fmt.Fprintln(&file, i+1)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stderr output
	code := make(chan int)
	go func() {
		code <- cli.Run(ctx, cli.Process{Args: []string{"produce", "-t", "t", "--rate", "100"}, Stdin: strings.NewReader(file.String()), Stdout: io.Discard, Stderr: &stderr})
	}()
	if got := succeed(t, "", "consume", "-t", "t", "-c", "20"); !strings.HasSuffix(got, "\n20\n") {
		t.Errorf("got %q", got)
	}
	interrupt()
	if got := <-code; got != 130 {
		t.Errorf("exit code %d, %s", got, stderr.String())
	}
	told := regexp.MustCompile(`, (\d+) messages were acknowledged.* go on with --from-line (\d+)(?:, and up to (\d+) messages may be there twice)?\n`).FindStringSubmatch(stderr.String())
	if told == nil {
		t.Fatalf("it says %s", stderr.String())
	}
	acked, _ := strconv.Atoi(told[1])
	if from, _ := strconv.Atoi(told[2]); from != acked+1 || from > lines {
		t.Errorf("it says %s", told[0])
	}
	succeed(t, file.String(), "produce", "-t", "t", "--from-line", told[2])
	times := make(map[string]int)
	for value := range strings.Lines(succeed(t, "", "consume", "-t", "t", "-e")) {
		times[strings.TrimSpace(value)]++
	}
	doubled, most := 0, 0
	if told[3] != "" {
		most, _ = strconv.Atoi(told[3])
	}
	for i := range lines {
		if n := times[strconv.Itoa(i+1)]; n == 0 || n > 1 && i < acked {
			t.Errorf("line %d is there %d times, and %d were acknowledged at first", i+1, n, acked)
		} else if n > 1 {
			doubled++
		}
	}
	if doubled > most {
		t.Errorf("%d lines are there twice, and it says %s", doubled, told[0])
	}
}

// TestARunThatHasNotBegunSaysWhereItWouldHave when it is interrupted.
func TestARunThatHasNotBegunSaysWhereItWouldHave(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var stderr output
	args := []string{"produce", "-t", "t", "--url", "ws://127.0.0.1:1", "--from-line", "7"}
	code := cli.Run(ctx, cli.Process{Args: args, Stdin: strings.NewReader(strings.Repeat("x\n", 9)), Stdout: io.Discard, Stderr: &stderr})
	if got := stderr.String(); code != 130 || !strings.Contains(got, "go on with --from-line 7\n") {
		t.Errorf("exit code %d, %s", code, got)
	}
}
