package deflate

import (
	"encoding/hex"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// zlibClient inflates a message of each line it reads, in hexadecimal, as a client with context takeover
// does, and prints it the same way. It takes a few bytes at a time, since zlib looks beyond its window in what it
// returns by one call.
const zlibClient = `
import sys, zlib
stream = zlib.decompressobj(-int(sys.argv[1]))
for line in sys.stdin:
    payload = bytes.fromhex(line) + b"\x00\x00\xff\xff"
    message = b""
    while payload:
        message += stream.decompress(payload, 256)
        payload = stream.unconsumed_tail
    assert not stream.eof and not stream.unused_data
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
	c.checkByZlib(t, widestWindowBits)
}

// checkByZlib has zlib inflate all that was sent, as one stream.
func (c *conversation) checkByZlib(t *testing.T, windowBits int) {
	t.Helper()
	var input, want strings.Builder
	for i, payload := range c.payloads {
		input.WriteString(hex.EncodeToString(payload) + "\n")
		want.WriteString(hex.EncodeToString(c.messages[i]) + "\n")
	}
	cmd := exec.CommandContext(t.Context(), needZlib(t), "-c", zlibClient, strconv.Itoa(windowBits))
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
