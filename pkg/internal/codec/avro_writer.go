package codec

import "encoding/binary"

// The appendAvro functions append Avro's binary encoding (Avro 1.12, "Binary Encoding"): an int, a length, a count and
// the number of a branch are encoded as a long is, and a string as bytes are.

func appendAvroLong(dst []byte, n int64) []byte { return binary.AppendVarint(dst, n) }

func appendAvroBytes[T string | []byte](dst []byte, b T) []byte {
	return append(appendAvroLong(dst, int64(len(b))), b...)
}
