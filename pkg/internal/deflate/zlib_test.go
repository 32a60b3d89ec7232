package deflate

import (
	"encoding/hex"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// zlibClient inflates a message of each line it reads, in hexadecimal, as a client with context takeover
// does, and prints it the same way.
const zlibClient = `
import sys, zlib
stream = zlib.decompressobj(-15)
for line in sys.stdin:
    payload = bytes.fromhex(line) + b"\x00\x00\xff\xff"
    message = stream.decompress(payload)
    assert not stream.eof and not stream.unused_data and not stream.unconsumed_tail
    print(message.hex())
`

// needZlib returns where a Python is that has zlib. Without it the test is skipped, or fails if REQUIRE_ALL=1.
func needZlib(t *testing.T) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.CommandContext(t.Context(), python, "-c", "import zlib").Run()
	}
	switch {
	case err == nil:
		return python
	case os.Getenv("REQUIRE_ALL") == "1":
		t.Fatalf("needs python3 with zlib: %v", err)
	default:
		t.Skipf("needs python3 with zlib: %v", err)
	}
	return ""
}

// TestZlibInflates has zlib, which browsers use as well, inflate records, repetitions and noise, some of
// which are sent uncompressed.
func TestZlibInflates(t *testing.T) {
	python := needZlib(t)
	c, g := newConversation(Params{}), newGenerator(5)
	for i := range 300 {
		c.send(t, g.reading())
		switch i % 10 {
		case 1:
			c.send(t, nil)
		case 3:
			c.send(t, g.order())
		case 5:
			c.send(t, []byte("short"))
		case 7:
			c.send(t, make([]byte, i*10))
		case 9:
			c.send(t, []byte(strings.Repeat(string(g.order()), i/10)))
		}
	}
	var input, want strings.Builder
	for i, payload := range c.payloads {
		input.WriteString(hex.EncodeToString(payload) + "\n")
		want.WriteString(hex.EncodeToString(c.messages[i]) + "\n")
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", zlibClient)
	cmd.Stdin = strings.NewReader(input.String())
	var reason strings.Builder
	cmd.Stderr = &reason
	got, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, reason.String())
	}
	if string(got) != want.String() {
		t.Errorf("zlib inflates something else than the %d messages that were sent", len(c.messages))
	}
}
