package socket

import (
	"strconv"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/codec"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// TailFrames makes the frames of a topic for all tails that have the same payload and formats. It is for one goroutine
// at a time.
type TailFrames struct {
	codec     codec.Out
	topic     []byte // quoted
	keyFormat proxy.Format
	op        opcode
	encoded   func(undecodable bool)
}

// NewTailFrames returns the frames of settings.Topic. encoded is called for each record that is encoded.
func NewTailFrames(newCodec func(codec.OutSettings) codec.Out, settings codec.OutSettings, encoded func(undecodable bool)) *TailFrames {
	f := &TailFrames{
		codec: newCodec(settings), topic: strconv.AppendQuote(nil, settings.Topic), // a topic has no character to escape
		keyFormat: settings.KeyFormat, op: opText, encoded: encoded,
	}
	if f.codec.Binary() {
		f.op = opBinary
	}
	return f
}

// AppendRecord appends the frame of a record.
func (f *TailFrames) AppendRecord(dst []byte, r *proxy.Record) []byte {
	dst, mark := beginFrame(dst)
	dst, undecodable := f.codec.AppendRecord(dst, r)
	f.encoded(undecodable)
	return endFrame(dst, mark, f.op)
}

// AppendGap appends the frame that tells a gap.
func (f *TailFrames) AppendGap(dst []byte, g proxy.Gap) []byte {
	dst, mark := beginFrame(dst)
	dst = append(dst, `{"gap":{"topic":`...)
	dst = append(dst, f.topic...)
	dst = append(dst, `,"partition":`...)
	dst = strconv.AppendInt(dst, int64(g.Partition), 10)
	dst = append(dst, `,"from":`...)
	dst = strconv.AppendInt(dst, g.From, 10)
	dst = append(dst, `,"to":`...)
	dst = strconv.AppendInt(dst, g.To, 10)
	dst = append(dst, `,"reason":"`...)
	dst = append(dst, g.Reason...)
	return endFrame(append(dst, `"}}`...), mark, opText)
}

// AppendSnapshot appends the frame that begins or ends the newest records, of so many keys.
func (f *TailFrames) AppendSnapshot(dst []byte, ends bool, keys int) []byte {
	dst, mark := beginFrame(dst)
	dst = append(append(dst, `{"snapshot":{"topic":`...), f.topic...)
	if ends {
		dst = strconv.AppendInt(append(dst, `,"state":"end","keys":`...), int64(keys), 10)
	} else {
		dst = append(dst, `,"state":"begin"`...)
	}
	return endFrame(append(dst, "}}"...), mark, opText)
}

// AppendConflated appends the frame that tells how many records were left out.
func (f *TailFrames) AppendConflated(dst []byte, records int) []byte {
	dst, mark := beginFrame(dst)
	dst = append(append(dst, `{"conflated":{"topic":`...), f.topic...)
	dst = strconv.AppendInt(append(dst, `,"records":`...), int64(records), 10)
	return endFrame(append(dst, "}}"...), mark, opText)
}

// AppendKey appends the text of a record's key, which is not null, as clients see it.
func (f *TailFrames) AppendKey(dst []byte, r *proxy.Record) []byte {
	return codec.AppendKeyText(dst, r.Key, f.keyFormat, f.codec.Binary())
}

// payload returns what a frame of this package delivers.
func payload(frame []byte) []byte {
	switch frame[1] {
	case length16:
		return frame[4:]
	case length64:
		return frame[10:]
	}
	return frame[2:]
}
