package socket

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// closeFrame is what a client sends to close with a code and a reason.
func closeFrame(code uint16, reason string) []byte {
	return clientFrame(finalFragment|byte(opClose), string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// TestCloseCodesThatNobodyMaySend sends codes just outside the ranges that RFC 6455, section 7.4, and
// the registry of IANA allow on the wire; TestTheClientCloses sends codes that they allow.
func TestCloseCodesThatNobodyMaySend(t *testing.T) {
	for _, code := range []uint16{0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 0x7FFF, 0x8000, 0xFFFF} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			wantClosed(t, closeFrame(code, "why"), proxy.CloseProtocolError, nil)
		})
	}
}

func TestCloseFrames(t *testing.T) {
	longest := strings.Repeat("é", 61) + "x" // 123 bytes
	for name, test := range map[string]struct {
		wire []byte
		code proxy.CloseCode
		want []message
	}{
		"the longest reason":             {closeFrame(1000, longest), proxy.CloseNormal, nil},
		"a reason that is too long":      {closeFrame(1000, longest+"x"), proxy.CloseProtocolError, nil},
		"a reason that is not UTF-8":     {closeFrame(1000, "wh\xff"), proxy.CloseInvalidPayload, nil},
		"a reason cut in a character":    {closeFrame(4000, "wh\xc3"), proxy.CloseInvalidPayload, nil},
		"a surrogate in the reason":      {closeFrame(3000, "\xed\xa0\x80"), proxy.CloseInvalidPayload, nil},
		"an empty reason":                {closeFrame(1001, ""), proxy.CloseGoingAway, nil},
		"one byte of a code":             {clientFrame(0x88, "\x03"), proxy.CloseProtocolError, nil},
		"in fragments":                   {clientFrame(0x08, "\x03\xe8"), proxy.CloseProtocolError, nil},
		"with a reserved bit":            {clientFrame(0xC8, "\x03\xe8"), proxy.CloseProtocolError, nil},
		"without a mask":                 {[]byte("\x88\x02\x03\xe8"), proxy.CloseProtocolError, nil},
		"between the parts of a message": {slices.Concat(clientFrame(0x01, "a"), closeFrame(1000, "")), proxy.CloseNormal, nil},
		"with a message behind it": {
			slices.Concat(clientFrame(0x81, "a"), closeFrame(1000, ""), clientFrame(0x81, "b")), proxy.CloseNormal, []message{{true, "a"}},
		},
		"with a ping behind it":             {slices.Concat(closeFrame(1000, ""), clientFrame(0x89, "x")), proxy.CloseNormal, nil},
		"with another close frame after it": {slices.Concat(closeFrame(1001, ""), closeFrame(1000, "")), proxy.CloseGoingAway, nil},
	} {
		t.Run(name, func(t *testing.T) { wantClosed(t, test.wire, test.code, test.want) })
	}
}

// wantClosed has a client send some bytes, which must close the connection with a code, after
// these messages.
func wantClosed(t *testing.T, wire []byte, code proxy.CloseCode, messages []message) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c, p, _ := accept(t, testSettings(), bufferSize)
		r := serve(c, &script{}, nil)
		_, _ = p.Write(wire)
		if before, _ := p.wantClose(code); len(before) > 0 {
			t.Errorf("got %v before the close frame", before)
		}
		p.wantEnd()
		_ = p.Close()
		<-r.over
		wantResult(t, c, code)
		if got := r.got(); !slices.Equal(got, messages) {
			t.Errorf("read %v, want %v", got, messages)
		}
	})
}
