package feed

import (
	"bytes"
	"hash/fnv"
	"testing"
)

// tokens is a Compressor of the frames of a textEncoder. It leaves out what all records begin with, and says which text
// must come before. Some forms become longer than the frame.
type tokens struct{}

const (
	tokenReach  = 64
	tokenSaves  = "record:"
	tokenPad    = "a longer form"
	shortToken  = 1
	paddedToken = 2
)

func (tokens) Reach() int { return tokenReach }

func (tokens) Text(frame []byte) []byte {
	if len(frame) < len("record:1:10:0 ") {
		return nil
	}
	return frame
}

func (tokens) AppendCompressed(dst, before, frame []byte) []byte {
	rest := bytes.TrimPrefix(frame, []byte(tokenSaves))
	first, pad := byte(shortToken), ""
	if hashOf(before, frame)%5 == 0 {
		first, pad = paddedToken, tokenPad
	}
	dst = append(dst, first, byte(len(before)), hashOf(before))
	return append(append(dst, pad...), rest...)
}

func hashOf(parts ...[]byte) byte {
	h := fnv.New32a()
	for _, part := range parts {
		_, _ = h.Write(part)
	}
	return byte(h.Sum32() >> 7)
}

// tokenPeer reads tokens. It is sent none where size is 0.
type tokenPeer struct {
	size   int
	window []byte
}

// plain returns the frame that a form is of.
func (p *tokenPeer) plain(t *testing.T, frame []byte) []byte {
	t.Helper()
	if frame[0] != shortToken && frame[0] != paddedToken {
		return frame
	}
	text := frame[3:]
	if frame[0] == paddedToken {
		text = text[len(tokenPad):]
	}
	text = append([]byte(tokenSaves), text...)
	begin := len(p.window) - int(frame[1])
	if begin < 0 || int(frame[1])+len(text) > p.size || hashOf(p.window[begin:]) != frame[2] {
		t.Errorf("a frame repeats %d bytes that a peer does not have, whose window is of %d: %q", frame[1], p.size, text)
	}
	p.window = append(p.window, text...)
	return text
}
