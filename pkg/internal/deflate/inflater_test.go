package deflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
)

func TestAppendInflated(t *testing.T) {
	for _, test := range []struct {
		name, payload, want string
		err                 error
	}{
		// RFC 7692, sections 7.2.3.1 to 7.2.3.6.
		{"one block", "\xf2\x48\xcd\xc9\xc9\x07\x00", "Hello", nil},
		{"a reference to the message before", "\xf2\x00\x11\x00\x00", "", ErrCorrupt},
		{"without compression", "\x00\x05\x00\xfa\xffHello\x00", "Hello", nil},
		{"a final block", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "Hello", nil},
		{"two blocks", "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", "Hello", nil},
		{"an empty message", "\x00", "", nil},

		{"an empty message by a fixed code", "\x02\x00", "", nil},
		{"an empty message by a final block", "\x03\x00\x00", "", nil},
		{"final blocks one after the other", "\xf3\x48\xcd\xc9\xc9\x07\x00\x01\x05\x00\xfa\xffHello\x03\x00\xf2\x48\xcd\xc9\xc9\x07\x00", "HelloHelloHello", nil},
		{"a reference beyond a final block", "\x01\x05\x00\xfa\xffHello\xf2\x00\x11\x00\x00", "", ErrCorrupt},
		{"a final block without the octet behind it", "\xf3\x48\xcd\xc9\xc9\x07\x00", "", ErrCorrupt},
		{"garbage behind a final block", "\xf3\x48\xcd\xc9\xc9\x07\x00\xff", "", ErrCorrupt},
		{"a final block that takes the ending for text", "\x01\x09\x00\xf6\xff", ending, nil},
		{"a block that takes the ending for text", "\x00\x09\x00\xf6\xff", "", ErrCorrupt},
		{"no payload", "", "", ErrCorrupt},
		{"a message that breaks off", "\xf2\x48\xcd\xc9", "", ErrCorrupt},
		{"a stored block that breaks off", "\x00\x05\x00\xfa\xffHel", "", ErrCorrupt},
		{"a message with what a sender leaves out", "\xf2\x48\xcd\xc9\xc9\x07\x00" + tail, "", ErrCorrupt},
		{"a reserved block type", "\x06", "", ErrCorrupt},
		{"a length that contradicts itself", "\x00\x05\x00\x05\x00Hello\x00", "", ErrCorrupt},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := NewInflaters().AppendInflated([]byte("before "), []byte(test.payload), 100)
			if !errors.Is(err, test.err) {
				t.Fatalf("the error is %v, want %v", err, test.err)
			}
			if err == nil && string(got) != "before "+test.want {
				t.Errorf("it is %q, want %q", got, test.want)
			}
		})
	}
}

// TestInflatedLimit inflates messages that are as long as the limit, and those that are a byte longer.
func TestInflatedLimit(t *testing.T) {
	i := NewInflaters()
	for _, size := range []int{0, 1, 2, 511, 512, 513, 4096, 32767, 32768, 32769, 100_000} {
		payload := deflated(t, []byte(strings.Repeat("x", size)))
		got, err := i.AppendInflated([]byte("abc"), payload, int64(size))
		if err != nil || len(got) != 3+size {
			t.Errorf("of %d bytes %d are inflated: %v", size, len(got)-3, err)
		}
		if size == 0 {
			continue
		}
		for _, limit := range []int{size - 1, size / 2, 0, -1} {
			if got, err := i.AppendInflated([]byte("abc"), payload, int64(limit)); !errors.Is(err, ErrTooLong) {
				t.Errorf("%d bytes with a limit of %d: %d are inflated, %v", size, limit, len(got)-3, err)
			}
		}
	}
	if got, err := i.AppendInflated(nil, deflated(t, []byte("unlimited")), math.MaxInt64); err != nil || string(got) != "unlimited" {
		t.Errorf("without a limit it is %q, %v", got, err)
	}
}

// TestBomb inflates what is a thousand times as long as its compressed form, with a limit that it exceeds.
func TestBomb(t *testing.T) {
	const size, limit = 16 << 20, 1 << 20
	payload := deflated(t, make([]byte, size))
	if len(payload) > size/1000 {
		t.Fatalf("it takes %d bytes", len(payload))
	}
	i := NewInflaters()
	got, err := i.AppendInflated(nil, payload, limit)
	if !errors.Is(err, ErrTooLong) {
		t.Errorf("a bomb is inflated: %v", err)
	}
	if cap(got) > limit+limit/64 {
		t.Errorf("the buffer has %d bytes", cap(got))
	}
	var before []byte
	if n := testing.AllocsPerRun(1, func() { before, err = i.AppendInflated(before[:0], payload, limit) }); n > 25 || err == nil {
		t.Errorf("%v allocations, %v", n, err)
	}
}

// TestInflatersAreShared inflates by many goroutines at the same time, with faults among the messages.
func TestInflatersAreShared(t *testing.T) {
	i := NewInflaters()
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			g := newGenerator(uint64(n))
			for range 20 {
				want := g.order()
				if _, err := i.AppendInflated(nil, []byte("\xff"), 100); !errors.Is(err, ErrCorrupt) {
					t.Errorf("garbage is inflated: %v", err)
				}
				if got, err := i.AppendInflated(nil, deflated(t, want), 1<<20); err != nil || !bytes.Equal(got, want) {
					t.Errorf("it is %q, %v, want %q", got, err, want)
				}
			}
		})
	}
	all.Wait()
}

// FuzzInflate checks that a payload is inflated as the standard library does, and never beyond the limit.
func FuzzInflate(f *testing.F) {
	const limit = 1 << 16
	f.Add([]byte("\xf2\x48\xcd\xc9\xc9\x07\x00"))
	f.Add([]byte("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"))
	f.Add([]byte("\x01\x05\x00\xfa\xffHello\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"))
	f.Add(deflated(f, newGenerator(1).order()))
	f.Add(deflated(f, make([]byte, limit+1)))
	i := NewInflaters()
	f.Fuzz(func(t *testing.T, payload []byte) {
		untouched := bytes.Clone(payload)
		want, wantErr := inflateBySteps(payload, limit)
		got, err := i.AppendInflated(nil, payload, limit)
		if !bytes.Equal(payload, untouched) {
			t.Fatal("the payload has changed")
		}
		if len(got) > limit+1 || cap(got) > 2*limit {
			t.Fatalf("%d bytes are inflated, into %d", len(got), cap(got))
		}
		switch {
		case len(want) > limit:
			if !errors.Is(err, ErrTooLong) {
				t.Fatalf("too long a message is inflated: %v", err)
			}
		case wantErr != nil:
			if !errors.Is(err, ErrCorrupt) {
				t.Fatalf("the error is %v, where it should be %v", err, wantErr)
			}
		case err != nil || !bytes.Equal(got, want):
			t.Fatalf("it is %q, %v, want %q", got, err, want)
		}
	})
}

// inflateBySteps inflates a payload by the standard library, up to a byte more than limit.
func inflateBySteps(payload []byte, limit int64) ([]byte, error) {
	rest := bytes.NewReader(append(bytes.Clone(payload), ending...))
	var all []byte
	for rest.Len() > 0 {
		got, err := io.ReadAll(io.LimitReader(flate.NewReader(rest), limit+1-int64(len(all))))
		all = append(all, got...)
		if err != nil || int64(len(all)) > limit {
			return all, err
		}
	}
	return all, nil
}

// deflated compresses a message by the standard library, as a client does that uses no context.
func deflated(t testing.TB, message []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(message); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte(tail))
}

func BenchmarkInflate(b *testing.B) {
	g := newGenerator(1)
	for name, message := range map[string][]byte{"276B": g.reading(), "2KB": g.order()} {
		b.Run(name, func(b *testing.B) {
			payload, i := deflated(b, message), NewInflaters()
			var dst []byte
			begin := processorTime(b)
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if dst, err = i.AppendInflated(dst[:0], payload, 1<<20); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processorTime(b)-begin)/float64(b.N), "cpu-ns/op")
		})
	}
}
