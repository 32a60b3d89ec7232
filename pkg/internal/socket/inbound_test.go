package socket

import (
	"bytes"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// countedReads counts the reads of a connection.
type countedReads struct {
	net.Conn

	n atomic.Int64
}

func (c *countedReads) Read(p []byte) (int, error) {
	c.n.Add(1)
	return c.Conn.Read(p)
}

// TestBytesThatFlowAreReadTogether sends messages of many lengths at once. A frame of each length ends elsewhere in
// the small buffer, and only some end where it ends.
func TestBytesThatFlowAreReadTogether(t *testing.T) {
	const total = 8 * busyBuffer
	for _, length := range []int{1, 100, 200, idleBuffer - 10, idleBuffer - 8, idleBuffer, 1000, busyBuffer / 2, busyBuffer - 8} {
		synctest.Test(t, func(t *testing.T) {
			frame := clientFrame(finalFragment|byte(opText), strings.Repeat("x", length))
			c, p, _ := accept(t, testSettings(), 2*total)
			reads := &countedReads{Conn: c.raw}
			c.raw = reads
			messages := total / len(frame)
			_, _ = p.Write(bytes.Repeat(frame, messages))
			r := serve(c, &script{}, nil)
			synctest.Wait()
			if got := len(r.got()); got != messages {
				t.Errorf("%d messages of %d bytes were read, want %d", got, length, messages)
			}
			if n := reads.n.Load(); n > 3*total/busyBuffer {
				t.Errorf("%d messages of %d bytes took %d reads", messages, length, n)
			}
			_ = p.Close()
			<-r.over
		})
	}
}
