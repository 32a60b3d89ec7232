package deflate

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
)

// method compresses a message into dst with a history, which some do not use.
type method func(dst, history, message []byte) []byte

// BenchmarkCompress compares ways to compress records, by sizes of the history. It reports how many times
// shorter the payloads are than the messages, and the processor time of a message, which is steadier than
// ns/op on a machine that does other things too.
func BenchmarkCompress(b *testing.B) {
	g := newGenerator(1)
	var readings, orders [][]byte
	for range 1000 {
		readings, orders = append(readings, g.reading()), append(orders, g.order())
	}
	for _, kind := range []struct {
		name     string
		messages [][]byte
	}{{"276B", readings}, {"2KB", orders}} {
		for _, size := range []int{0, 512, 1024, 2048, 3072} {
			for name, m := range methods(b) {
				b.Run(fmt.Sprintf("%s/history=%d/%s", kind.name, size, name), func(b *testing.B) { m.run(b, kind.messages, size) })
			}
		}
		for _, level := range []int{1, 3} {
			b.Run(fmt.Sprintf("%s/kept/level=%d", kind.name, level), func(b *testing.B) { keptWriter(b, level).run(b, kind.messages, 0) })
		}
		b.Run(kind.name+"/Compressor", func(b *testing.B) {
			c := NewDeflaters().NewCompressor(Params{})
			method(func(dst, _, message []byte) []byte {
				out, ok := c.AppendCompressed(dst, message)
				if !ok {
					b.Fatal("a record does not become shorter")
				}
				return out
			}).run(b, kind.messages, 0)
		})
	}
}

// run compresses the messages one after the other, again and again.
func (m method) run(b *testing.B, messages [][]byte, size int) {
	b.Helper()
	var dst, history []byte
	in, out, i := 0, 0, 0
	begin := processorTime(b)
	b.ReportAllocs()
	for b.Loop() {
		message := messages[i%len(messages)]
		dst = m(dst[:0], history, message)
		in, out, i = in+len(message), out+len(dst), i+1
		history = append(history, message...)
		history = append(history[:0], history[max(0, len(history)-size):]...)
	}
	b.ReportMetric(float64(in)/float64(out), "ratio")
	b.ReportMetric(float64(processorTime(b)-begin)/float64(i), "cpu-ns/op")
}

// methods returns the two ways of the flate package to begin with a history.
func methods(b *testing.B) map[string]method {
	b.Helper()
	var pooled, stateless encoder
	return map[string]method{
		"writer": func(dst, history, message []byte) []byte {
			out, err := pooled.appendMessage(dst, history, message)
			if err != nil {
				b.Fatal(err)
			}
			return out
		},
		"stateless": func(dst, history, message []byte) []byte {
			stateless.out = dst
			if err := flate.StatelessDeflate(&stateless, message, false, history); err != nil {
				b.Fatal(err)
			}
			return stateless.out[:len(stateless.out)-len(tail)]
		},
	}
}

// keptWriter keeps the state of a flate.Writer for a connection: about 1.2 MB.
func keptWriter(b *testing.B, level int) method {
	b.Helper()
	var sink encoder
	w, err := flate.NewWriter(&sink, level)
	if err != nil {
		b.Fatal(err)
	}
	return func(dst, _, message []byte) []byte {
		sink.out = dst
		if _, err := w.Write(message); err != nil {
			b.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
		return sink.out[:len(sink.out)-len(tail)]
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
