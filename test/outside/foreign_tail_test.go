package outside

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"
)

// tailMessage is what /socket/tail sends.
type tailMessage struct {
	record

	Tail *struct {
		Topics []struct {
			Topic      string
			Partitions int
		}
		Resumed *bool
	}
	Cursor string
}

// TestForeignClientsTail cuts their connections while records come. They go on by cursor and after: each record comes
// once, in the order of its partition.
func TestForeignClientsTail(t *testing.T) {
	t.Parallel()
	withForeigners(t, func(t *testing.T, f foreign, p *proxy) {
		t.Helper()
		t.Parallel()
		const partitions, n, cuts = 3, 300, 2
		k := realKafka(t)
		topic := k.topic(partitions)
		k.fill(topic, partitions, n, 100)
		link := relayTo(t, p.main)
		c := f.tail(t, "ws://"+link.addr()+"/socket/tail?rate=1000&topic="+topic)
		first := c.message().Tail
		if first == nil || first.Resumed != nil || len(first.Topics) != 1 || first.Topics[0].Topic != topic || first.Topics[0].Partitions != partitions {
			t.Fatalf("the first message tells %+v", first)
		}
		c.read(n)
		for c.message().Cursor == "" { // without one they would begin anew
		}
		for cut := range cuts {
			k.fill(topic, partitions, n, 100)
			c.read(n / 2)
			link.cut()
			c.read(n / 2)
			for len(c.resumed) <= cut { // all may have come before the cut
				c.message()
			}
		}
		k.fill(topic, partitions, partitions, 100)
		c.read(partitions) // what came twice would be before these
		if want := slices.Repeat([]bool{true}, cuts); !slices.Equal(c.resumed, want) {
			t.Errorf("whether it went on where it was: %v, want %v", c.resumed, want)
		}
	})
}

// tailReader is a client that reads a tail.
type tailReader struct {
	*reader

	next    map[int32]int64 // the offset that comes next in each partition
	resumed []bool          // what it was told at each further connection
}

// tail starts a client that reads until the test's end.
func (f foreign) tail(t testing.TB, url string) *tailReader {
	t.Helper()
	f.script = "testdata/tail" + filepath.Ext(f.script)
	r := f.run(t, url)
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
	})
	return &tailReader{reader: r, next: map[int32]int64{}}
}

// message returns the next message.
func (r *tailReader) message() tailMessage {
	r.t.Helper()
	var m tailMessage
	must(r.t, json.Unmarshal(r.line(), &m))
	if m.Tail != nil && m.Tail.Resumed != nil {
		r.resumed = append(r.resumed, *m.Tail.Resumed)
	}
	return m
}

// read reads on until so many records have come.
func (r *tailReader) read(count int) {
	r.t.Helper()
	for count > 0 {
		m := r.message()
		if m.Value == nil {
			if m.Tail == nil && m.Cursor == "" {
				r.t.Fatalf("between records comes %s", r.stdout.Text())
			}
			continue
		}
		if want := r.next[m.Partition]; m.Offset != want {
			r.t.Fatalf("partition %d: offset %d came, not %d", m.Partition, m.Offset, want)
		}
		r.next[m.Partition]++
		count--
	}
}
