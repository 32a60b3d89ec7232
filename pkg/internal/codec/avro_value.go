package codec

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// avroBranch is a branch of the union of a key, in the schema's order. The union of a value
// is the same without null.
type avroBranch uint8

const (
	avroNull avroBranch = iota
	avroBytes
	avroString
	avroInt
	avroLong
	avroDouble
	avroFloat
	avroBranches
)

func (b avroBranch) String() string {
	return [avroBranches]string{"null", "bytes", "string", "int", "long", "double", "float"}[b]
}

// branchOf returns the branch in which values of format f are written.
func branchOf(f proxy.Format) avroBranch {
	switch f {
	case proxy.FormatByteArray, proxy.FormatAvro:
		return avroBytes
	case proxy.FormatInt, proxy.FormatShort:
		return avroInt
	case proxy.FormatLong:
		return avroLong
	case proxy.FormatDouble:
		return avroDouble
	case proxy.FormatFloat:
		return avroFloat
	default:
		return avroString
	}
}

// formatOfBranch returns the format of a value without a given format.
func formatOfBranch(b avroBranch) proxy.Format {
	return [avroBranches]proxy.Format{
		avroBytes: proxy.FormatByteArray, avroString: proxy.FormatString, avroInt: proxy.FormatInt,
		avroLong: proxy.FormatLong, avroDouble: proxy.FormatDouble, avroFloat: proxy.FormatFloat,
	}[b]
}

// avroValue is a key or a value as a client sent it.
type avroValue struct {
	branch avroBranch
	text   []byte // of bytes and string
	number uint64 // of the other branches; for float and double the bits
}

// readValue reads a union whose first branch is first.
func (r *avroReader) readValue(v *avroValue, first avroBranch) {
	v.branch = first + avroBranch(r.branch(int32(avroBranches-first)))
	switch v.branch {
	case avroBytes:
		v.text = r.bytes()
	case avroString:
		v.text = r.string()
	case avroInt:
		v.number = uint64(r.int())
	case avroLong:
		v.number = uint64(r.long())
	case avroDouble:
		v.number = r.double()
	case avroFloat:
		v.number = uint64(r.float())
	}
}

// maxNumber is the most bytes that encode appends.
const maxNumber = 8

// encode returns the bytes that v, which is not null, has in Kafka in format f. Numbers are
// appended to the spare room of scratch. Where v does not fit, complaint says why.
func (v *avroValue) encode(scratch *[]byte, f proxy.Format, maxDepth int) (encoded []byte, complaint string) {
	if f == proxy.FormatNone {
		f = formatOfBranch(v.branch)
	}
	if wanted := branchOf(f); v.branch != wanted && (wanted != avroLong || v.branch != avroInt) {
		return nil, fmt.Sprintf("its branch is %s, not %s", v.branch, wanted)
	}
	begin := len(*scratch)
	switch f {
	case proxy.FormatJSON:
		return v.text, checkJSON(v.text, maxDepth)
	case proxy.FormatShort:
		if n := int64(v.number); n != int64(int16(n)) {
			return nil, fmt.Sprintf("%d %s", n, notAShort)
		}
		*scratch = binary.BigEndian.AppendUint16(*scratch, uint16(v.number))
	case proxy.FormatInt, proxy.FormatFloat:
		*scratch = binary.BigEndian.AppendUint32(*scratch, uint32(v.number))
	case proxy.FormatLong, proxy.FormatDouble:
		*scratch = binary.BigEndian.AppendUint64(*scratch, v.number)
	default:
		return v.text, ""
	}
	end := len(*scratch)
	return (*scratch)[begin:end:end], ""
}

// fitsFormat tells whether b, from Kafka, is valid in format f.
func fitsFormat(f proxy.Format, b []byte, maxDepth int) bool {
	switch f {
	case proxy.FormatByteArray, proxy.FormatAvro:
		return true
	case proxy.FormatJSON:
		return checkJSON(b, maxDepth) == ""
	case proxy.FormatShort:
		return len(b) == 2
	case proxy.FormatInt, proxy.FormatFloat:
		return len(b) == 4
	case proxy.FormatLong, proxy.FormatDouble:
		return len(b) == 8
	default:
		return utf8.Valid(b)
	}
}
