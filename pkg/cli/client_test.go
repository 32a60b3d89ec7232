package cli_test

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/cli"
)

// develop runs wsproxy dev with topics of one partition, until the test's end, and returns the proxy's address. Clients find it in the environment.
func develop(t *testing.T, topics ...string) (url string) {
	t.Helper()
	args := []string{"dev", "--port", "0", "--admin-port", "0", "--kafka-port", "0", "--quiet"}
	for _, topic := range topics {
		args = append(args, "--topic", topic+":1")
	}
	stdout, _, _ := begin(t, []string{"WSPROXY_LOG_LEVEL=error"}, args...)
	await(t, "the proxy", func() bool { return strings.Contains(stdout.String(), "listens on") })
	url = "ws://" + regexp.MustCompile(`listens on (localhost:\d+)`).FindStringSubmatch(stdout.String())[1]
	t.Setenv("WSPROXY_URL", url)
	return url
}

// again is what a client says of a proxy that asks it to come again, as one does on a machine with much else to do.
var again = regexp.MustCompile(`(?m)^.*trying again in .*\n`)

// pipe runs a client's command with an input, and returns what came, apart from what it says of further tries.
func pipe(t *testing.T, input string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	var out, err bytes.Buffer
	code = cli.Run(ctx, cli.Process{Args: args, Stdin: strings.NewReader(input), Stdout: &out, Stderr: &err})
	return code, out.String(), again.ReplaceAllString(err.String(), "")
}

// succeed is pipe for commands that must succeed in silence.
func succeed(t *testing.T, input string, args ...string) (stdout string) {
	t.Helper()
	code, stdout, stderr := pipe(t, input, args...)
	if code != 0 || stderr != "" {
		t.Fatalf("%s: exit code %d, %s", args, code, stderr)
	}
	return stdout
}

// TestATopicIsCopiedByAPipe with its headers, timestamps, tombstones, null keys and bytes that are no text.
func TestATopicIsCopiedByAPipe(t *testing.T) {
	develop(t, "from", "to")
	succeed(t, `{"key":{"value":"k"},"value":{"value":"v"},"timestamp":1554896731782,"headers":[{"key":"h","value":"1"},{"key":"h","value":null}]}
[{"value":{"value":null},"key":{"value":"k"}},{"value":{"value":"/wA=","format":"bytearray"}}]
{"value":{"value":""},"key":{"value":""}}
`, "produce", "-t", "from", "-J")
	original := succeed(t, "", "consume", "-t", "from", "-e", "-J")
	succeed(t, original, "produce", "-t", "to", "-J")
	copied := succeed(t, "", "consume", "-t", "to", "-e", "-J")
	if want := strings.NewReplacer(`"from-`, `"to-`, `"topic":"from"`, `"topic":"to"`).Replace(original); copied != want || strings.Count(want, "\n") != 4 {
		t.Errorf("the copy is\n%sthe original\n%s", copied, original)
	}
	if got := succeed(t, "", "consume", "-t", "to", "-e", "-Z", "-f", `%o %k/%K %s/%S %h\x21\n`); got !=
		"0 k/1 v/1 h=1,h=NULL!\n1 k/1 NULL/-1 !\n2 NULL/-1 \xff\x00/2 !\n3 /0 /0 !\n" {
		t.Errorf("got %q", got)
	}
}

// TestLinesBecomeMessages by the flags that say what is a key, null or a number.
func TestLinesBecomeMessages(t *testing.T) {
	develop(t, "t")
	for _, test := range []struct{ input, args, want string }{
		{"a:b\nc:\n", "-K: -Z", "a=b,c=NULL"},
		{"x", "-k key -H h=1", "key=x"}, // without an end of line
		{"\n\n", "", "NULL=,NULL="},
		{"42\n-1\n", "--val-type long", "NULL=\x00\x00\x00\x00\x00\x00\x00\x2a,NULL=\xff\xff\xff\xff\xff\xff\xff\xff"},
		{`{"a": 1}`, "--val-type json", `NULL={"a": 1}`},
		{"1\n2\n3\n", "--from-line 3", "NULL=3"},
	} {
		succeed(t, test.input, append([]string{"produce", "-t", "t"}, strings.Fields(test.args)...)...)
		count := strings.Count(test.want, ",") + 1
		got := succeed(t, "", "consume", "-t", "t", "-e", "--from", "last:"+string(rune('0'+count)), "-Z", "-f", "%k=%s,")
		if got != test.want+"," {
			t.Errorf("%q with %s became %q, want %q", test.input, test.args, got, test.want)
		}
	}
	if got := succeed(t, "42\n", "produce", "-t", "t", "--val-type", "double") + succeed(t, "", "consume", "-t", "t", "-e", "--from", "last:1", "--val-type", "double"); got != "42\n" {
		t.Errorf("got %q", got)
	}
}

// TestLinesGoAsAvro and come so. What Avro has no place for is refused by the number of its line.
func TestLinesGoAsAvro(t *testing.T) {
	develop(t, "t")
	succeed(t, "a:1\nb:\n", "produce", "-t", "t", "-K:", "-Z", "-H", "h=x", "--payload", "avro")
	succeed(t, "42\n", "produce", "-t", "t", "--val-type", "long", "--payload", "avro")
	for _, payload := range []string{"avro", "json"} {
		got := succeed(t, "", "consume", "-t", "t", "-e", "-Z", "-f", "%k=%s %h,", "-c", "2", "--payload", payload)
		if got != "a=1 h=x,b=NULL h=x," {
			t.Errorf("as %s it prints %q", payload, got)
		}
		if got := succeed(t, "", "consume", "-t", "t", "-e", "--val-type", "long", "--from", "last:1", "--payload", payload); got != "42\n" {
			t.Errorf("as %s it prints %q", payload, got)
		}
	}
	code, _, stderr := pipe(t, "x\n", "produce", "-t", "t", "-p", "0", "--payload", "avro")
	if code != 3 || !strings.Contains(stderr, "line 1: INVALID_MESSAGE: the Avro payload has no place for a partition") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if code, _, stderr := pipe(t, "", "consume", "-t", "t", "--payload", "xml"); code != 2 || !strings.Contains(stderr, "json or avro") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

// TestALineThatIsRefusedIsNamed and ends the command, or is left out.
func TestALineThatIsRefusedIsNamed(t *testing.T) {
	develop(t, "t")
	const input = "{}\nno\n[]\n"
	code, _, stderr := pipe(t, input, "produce", "-t", "t", "--val-type", "json")
	if code != 3 || !strings.Contains(stderr, "line 2: ") || !strings.Contains(stderr, "of the lines up to 2, 1 messages were acknowledged: go on with --from-line 3") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	code, _, stderr = pipe(t, input, "produce", "-t", "t", "--val-type", "json", "--on-error", "skip")
	if code != 3 || !strings.Contains(stderr, "line 2: ") || !strings.Contains(stderr, "1 lines were refused and left out") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	if got := succeed(t, "", "consume", "-t", "t", "-e"); got != "{}\n{}\n[]\n" {
		t.Errorf("the topic has %q", got)
	}
	// What the proxy refuses, and not the client.
	code, _, stderr = pipe(t, "x\n", "produce", "-t", "t", "-p", "7")
	if code != 3 || !strings.Contains(stderr, "line 1: INVALID_PARTITION") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

func TestClientsSayWhatIsWrong(t *testing.T) {
	url := develop(t, "t")
	for name, test := range map[string]struct {
		args   string
		code   int
		stderr string
	}{
		"no topic":           {"consume -e", 2, "--topic"},
		"another topic":      {"consume -e -t other", 1, "TOPIC_NOT_FOUND"},
		"what to do":         {"produce -t other", 1, "correct --topic"},
		"nobody there":       {"consume -t t -e --url ws://127.0.0.1:1 --patience 1ms", 1, "connecting to 127.0.0.1:1"},
		"no proxy there":     {"consume -t t -e --url " + url + "/elsewhere", 1, "404"},
		"a bad URL":          {"consume -t t --url localhost:8078", 2, "ws://host:8078"},
		"two credentials":    {"consume -t t --token x --token-file y", 2, "--token-command"},
		"a token command":    {"consume -t t -e --token-command false --patience 1ms", 1, "--token-command"},
		"a format":           {"consume -t t -f %x", 2, "--format has %x"},
		"an escape":          {`consume -t t -f \q`, 2, `--format has \q`},
		"formats":            {"consume -t t -J -K:", 2, "--json, --format and --key-separator exclude each other"},
		"a type":             {"produce -t t --val-type x", 2, "--val-type"},
		"on error":           {"produce -t t --on-error retry", 2, "--on-error"},
		"a file":             {"produce -t t /nowhere", 2, "/nowhere"},
		"end of a group":     {"consume -t t -G g -e", 2, "without --group"},
		"commits of nothing": {"consume -t t --commit manual", 2, "--commit goes with --group"},
		"no command":         {"work -t t -g g", 2, "behind --"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := pipe(t, "x\n", strings.Fields(test.args)...)
			if code != test.code || stdout != "" || !strings.Contains(stderr, test.stderr) {
				t.Errorf("exit code %d, %q, %s", code, stdout, stderr)
			}
		})
	}
}

// TestAGroupGoesOnWhereItWas unless commits are left to somebody else. All have one name: the place of one that has just ended may not be free
// yet, but can be taken over.
func TestAGroupGoesOnWhereItWas(t *testing.T) {
	develop(t, "t")
	succeed(t, "1\n2\n3\n4\n", "produce", "-t", "t")
	for _, want := range []string{"1\n2\n", "3\n", "4\n"} {
		count := string(rune('0' + strings.Count(want, "\n")))
		if got := succeed(t, "", "consume", "-t", "t", "-G", "g", "-c", count, "--client-id", "me"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for range 2 {
		if got := succeed(t, "", "consume", "-t", "t", "-G", "other", "-c", "2", "--client-id", "me", "--commit", "manual"); got != "1\n2\n" {
			t.Errorf("got %q", got)
		}
	}
}

// TestCtrlCSaysWhatWasAcknowledged while the input waits for more.
func TestCtrlCSaysWhatWasAcknowledged(t *testing.T) {
	develop(t, "t")
	input, typed := io.Pipe()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout, stderr output
	code := make(chan int)
	go func() {
		code <- cli.Run(ctx, cli.Process{Args: []string{"produce", "-t", "t"}, Stdin: input, Stdout: &stdout, Stderr: &stderr})
	}()
	if _, err := io.WriteString(typed, "1\n2\n"); err != nil {
		t.Fatal(err)
	}
	if got := succeed(t, "", "consume", "-t", "t", "-c", "2"); got != "1\n2\n" {
		t.Errorf("got %q", got)
	}
	interrupt() // the consumer may be ahead of the acks
	if got := <-code; got != 130 {
		t.Errorf("exit code %d", got)
	}
	_ = typed.Close()
	if got := stderr.String(); !strings.Contains(got, "messages were acknowledged") || !strings.Contains(got, "--from-line") {
		t.Errorf("got %s", got)
	}
}

// brokenPipe is an output that nobody reads anymore.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func TestAClosedPipeEndsConsumeInSilence(t *testing.T) {
	develop(t, "t")
	succeed(t, "1\n2\n", "produce", "-t", "t")
	var stderr bytes.Buffer
	for _, args := range [][]string{
		{"consume", "-t", "t", "-e"},
		{"consume", "-t", "t", "-G", "g", "-c", "1", "--client-id", "me"},
		{"consume", "-t", "t", "-G", "g", "--client-id", "me"}, // it learns so when it is to commit
	} {
		if code := cli.Run(t.Context(), cli.Process{Args: args, Stdout: brokenPipe{}, Stderr: &stderr}); code != 0 || again.ReplaceAllString(stderr.String(), "") != "" {
			t.Errorf("%s: exit code %d, %s", args, code, stderr.String())
		}
	}
	if got := succeed(t, "", "consume", "-t", "t", "-G", "g", "-c", "1", "--client-id", "me"); got != "1\n" {
		t.Errorf("what nobody has read is committed: the next one is %q", got)
	}
}

// TestATailPrintsWhatIsWrittenFromThenOn of one key.
func TestATailPrintsWhatIsWrittenFromThenOn(t *testing.T) {
	develop(t, "t")
	succeed(t, "a:1\nb:2\n", "produce", "-t", "t", "-K:")
	if got := succeed(t, "", "tail", "-t", "t", "--from", "last:2", "--key", "b", "-c", "1", "-K", "%"); got != "b%2\n" {
		t.Errorf("got %q", got)
	}
	stdout, _, stop := begin(t, nil, "tail", "-t", "t")
	await(t, "a record", func() bool {
		succeed(t, "3\n", "produce", "-t", "t")
		return strings.HasPrefix(stdout.String(), "3\n")
	})
	if code := stop(); code != 130 {
		t.Errorf("exit code %d", code)
	}
}
