package socket

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

func TestRead(t *testing.T) {
	const limit = 100_000
	frame := clientFrame
	long := strings.Repeat("x", limit)
	for name, test := range map[string]struct {
		wire []byte
		want []message
	}{
		"text":   {frame(0x81, "né"), []message{{true, "né"}}},
		"binary": {frame(0x82, "\xff\x00"), []message{{false, "\xff\x00"}}},
		"empty":  {slices.Concat(frame(0x81, ""), frame(0x82, "")), []message{{true, ""}, {false, ""}}},
		"fragments": {
			slices.Concat(frame(0x01, "a\xc3"), frame(0x00, ""), frame(0x00, "\xa9"), frame(0x80, "b")),
			[]message{{true, "aéb"}},
		},
		"control frames between fragments": {
			slices.Concat(frame(0x02, "a"), frame(0x8A, "unasked"), frame(0x80, "b")),
			[]message{{false, "ab"}},
		},
		"an empty last fragment":      {slices.Concat(frame(0x01, "a"), frame(0x80, "")), []message{{true, "a"}}},
		"exactly the limit":           {frame(0x82, long), []message{{false, long}}},
		"exactly the limit, in parts": {slices.Concat(frame(0x02, long[:limit-1]), frame(0x80, "x")), []message{{false, long}}},
		"long, then short":            {slices.Concat(frame(0x82, long), frame(0x81, "short")), []message{{false, long}, {true, "short"}}},
		"a pong that nobody asked for": {
			slices.Concat(frame(0x8A, ""), frame(0x81, "a")),
			[]message{{true, "a"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				settings := testSettings()
				settings.MaxMessageBytes = limit
				c, p, m := accept(t, settings, bufferSize)
				r := serve(c, &script{}, nil)
				_, _ = p.Write(test.wire)
				p.sendClose(1000, "bye")
				p.wantClose(proxy.CloseNormal)
				<-r.over
				if got := r.got(); !slices.Equal(got, test.want) {
					t.Errorf("got %.200v, want %.200v", got, test.want)
				}
				bytes := 0
				for _, message := range test.want {
					bytes += len(message.payload)
				}
				m.want("bytes_received_total", float64(bytes))
			})
		})
	}
}

// TestReadRefuses sends bytes that a client must not send, after a valid message.
func TestReadRefuses(t *testing.T) {
	const limit = 10_000
	frame := clientFrame
	for name, test := range map[string]struct {
		wire []byte
		code proxy.CloseCode
	}{
		"text that is not UTF-8":         {frame(0x81, "a\xff"), proxy.CloseInvalidPayload},
		"text that ends in a character":  {frame(0x81, "a\xc3"), proxy.CloseInvalidPayload},
		"a surrogate in UTF-8":           {frame(0x81, "\xed\xa0\x80"), proxy.CloseInvalidPayload},
		"one byte over the limit":        {frame(0x82, strings.Repeat("x", limit+1)), proxy.CloseMessageTooBig},
		"far over the limit":             {frame(0x81, strings.Repeat("x", 9*limit)), proxy.CloseMessageTooBig},
		"over the limit in parts":        {slices.Concat(frame(0x02, strings.Repeat("x", limit)), frame(0x80, "x")), proxy.CloseMessageTooBig},
		"over the limit and never ended": {append([]byte{0x82, 0xFF, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4}, make([]byte, 2*limit)...), proxy.CloseMessageTooBig},
		"an unmasked frame":              {[]byte("\x81\x01a"), proxy.CloseProtocolError},
		"an unmasked close frame":        {[]byte("\x88\x02\x03\xe8"), proxy.CloseProtocolError},
		"the first reserved bit":         {frame(0xC1, "a"), proxy.CloseProtocolError},
		"the second reserved bit":        {frame(0xA1, "a"), proxy.CloseProtocolError},
		"the third reserved bit":         {frame(0x91, "a"), proxy.CloseProtocolError},
		"an unknown data opcode":         {frame(0x83, "a"), proxy.CloseProtocolError},
		"an unknown control opcode":      {frame(0x8B, "a"), proxy.CloseProtocolError},
		"a fragmented ping":              {frame(0x09, "a"), proxy.CloseProtocolError},
		"a long ping":                    {frame(0x89, strings.Repeat("x", 126)), proxy.CloseProtocolError},
		"a continuation of nothing":      {frame(0x80, "a"), proxy.CloseProtocolError},
		"a message within a message":     {slices.Concat(frame(0x01, "a"), frame(0x81, "b")), proxy.CloseProtocolError},
		"a negative length":              {[]byte("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff1234"), proxy.CloseProtocolError},
		"a close code of one byte":       {frame(0x88, "\x03"), proxy.CloseProtocolError},
		"a close code that is reserved":  {frame(0x88, "\x03\xee"), proxy.CloseProtocolError},
		"a close code of nobody":         {frame(0x88, "\x03\xe7"), proxy.CloseProtocolError},
		"a close code beyond all":        {frame(0x88, "\x13\x88"), proxy.CloseProtocolError},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				settings := testSettings()
				settings.MaxMessageBytes = limit
				c, p, _ := accept(t, settings, bufferSize)
				r := serve(c, &script{}, nil)
				sent := p.sendBehind("fine", test.wire)
				p.wantClose(test.code)
				<-sent
				_ = p.Close()
				<-r.over
				if got := r.got(); !slices.Equal(got, []message{{true, "fine"}}) {
					t.Errorf("got %.200v", got)
				}
				wantResult(t, c, test.code)
			})
		})
	}
}

func TestLargeMessagesAreNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, testSettings(), bufferSize)
		var kept []int
		r := serve(c, &script{}, func() { kept = append(kept, cap(c.message)) })
		p.send(opBinary, strings.Repeat("x", 1<<20))
		p.send(opBinary, "x")
		_ = p.Close()
		<-r.over
		if len(kept) != 2 || kept[0] < 1<<20 || kept[0] > 2<<20 || kept[1] > keptMessageBuffer {
			t.Errorf("the buffers had %d bytes", kept)
		}
	})
}
