package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

type message struct {
	op      byte
	payload string
}

// served appends a frame of a server, which has no mask.
func served(dst []byte, m message) []byte {
	dst = append(dst, final|m.op)
	switch n := len(m.payload); {
	case n < length16:
		dst = append(dst, byte(n))
	case n <= 0xFFFF:
		dst = binary.BigEndian.AppendUint16(append(dst, length16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, length64), uint64(n))
	}
	return append(dst, m.payload...)
}

// scanAll gives the pieces to one scanner.
func scanAll(pieces [][]byte) (got []message, s Scanner, err error) {
	for _, piece := range pieces {
		err = s.Scan(bytes.Clone(piece), func(op byte, payload []byte) error {
			got = append(got, message{op, string(payload)})
			return nil
		})
		if err != nil {
			break
		}
	}
	return got, s, err
}

func TestScannerFindsFramesInAnyPieces(t *testing.T) {
	want := []message{
		{Text, `{"a":1}`},
		{Ping, ""},
		{Text, strings.Repeat("x", length16-1)},
		{Text, strings.Repeat("y", length16)},
		{Binary, strings.Repeat("z", 0xFFFF)},
		{Text, strings.Repeat("w", 0x10000)},
		{Close, "\x03\xe8"},
	}
	var stream []byte
	for _, m := range want {
		stream = served(stream, m)
	}
	short := stream[:len(stream)-0x10000-0xFFFF]
	for name, pieces := range map[string][][]byte{
		"all at once":         {stream},
		"one byte each":       slices.Collect(slices.Chunk(stream, 1)),
		"three bytes each":    slices.Collect(slices.Chunk(stream, 3)),
		"larger than a frame": slices.Collect(slices.Chunk(stream, 70_000)),
	} {
		t.Run(name, func(t *testing.T) {
			got, s, err := scanAll(pieces)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("got %d frames (%v), want %d", len(got), err, len(want))
			}
			if s.rest != nil {
				t.Errorf("%d bytes are kept behind the last frame", len(s.rest))
			}
		})
	}
	t.Run("two pieces", func(t *testing.T) {
		whole, _, err := scanAll([][]byte{short})
		if err != nil {
			t.Fatal(err)
		}
		for at := range short {
			got, _, err := scanAll([][]byte{short[:at], short[at:]})
			if err != nil || !slices.Equal(got, whole) {
				t.Fatalf("cut at %d: got %v (%v)", at, got, err)
			}
		}
	})
}

func TestScannerRefuses(t *testing.T) {
	for name, stream := range map[string]string{
		"a fragment":   "\x01\x01x",
		"a mask":       "\x81\x81aaaax",
		"a huge frame": "\x82\x7f\x00\x00\x00\x01\x00\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := scanAll([][]byte{[]byte(stream)}); err == nil {
				t.Error("it is taken")
			}
		})
	}
	t.Run("what its caller refuses", func(t *testing.T) {
		failure := errors.New("failure")
		var s Scanner
		err := s.Scan([]byte("\x81\x01x"), func(byte, []byte) error { return failure })
		if !errors.Is(err, failure) {
			t.Errorf("got %v", err)
		}
	})
}

// FuzzScanner has the pieces of a stream make no difference.
func FuzzScanner(f *testing.F) {
	f.Add([]byte("\x81\x01x\x89\x00\x81\x7e\x00\x02ab"), 3)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		whole, _, wholeErr := scanAll([][]byte{stream})
		got, _, err := scanAll(slices.Collect(slices.Chunk(stream, max(1, size))))
		if (err == nil) != (wholeErr == nil) || !slices.Equal(got, whole) {
			t.Errorf("got %v (%v) in pieces, %v (%v) at once", got, err, whole, wholeErr)
		}
	})
}
