package deflate

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"testing"
)

// TestFixedBlock writes every byte, every length of a match, and distances around each bound of a symbol,
// and has the standard library read them.
func TestFixedBlock(t *testing.T) {
	dictionary := make([]byte, 32<<10)
	for i := range dictionary {
		dictionary[i] = byte(i ^ i>>7 ^ i>>11)
	}
	want := bytes.Clone(dictionary)
	var b fixedBlock
	b.begin([]byte("before "))
	literals := func(text ...byte) {
		b.literals(text)
		want = append(want, text...)
	}
	match := func(length, distance int) {
		b.match(length, distance)
		for range length {
			want = append(want, want[len(want)-distance])
		}
	}
	for c := range 256 {
		literals(byte(c))
	}
	for length := shortestMatch; length < 3*longestMatch; length++ {
		match(length, 1+length)
		literals('-')
	}
	for power := 1; power <= 32<<10; power *= 2 {
		for _, distance := range []int{power - 1, power, power + 1, power + power/2, power + power/2 + 1} {
			if distance >= 1 && distance <= 32<<10 {
				match(5, distance)
			}
		}
	}
	payload, found := strings.CutPrefix(string(b.end()), "before ")
	if !found {
		t.Fatal("what stood before is lost")
	}
	got, err := io.ReadAll(flate.NewReaderDict(strings.NewReader(payload+ending), dictionary))
	if err != nil || !bytes.Equal(got, want[len(dictionary):]) {
		t.Errorf("it is inflated to something else: %v", err)
	}
}
