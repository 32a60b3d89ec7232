package produce

import (
	"bytes"
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/internal/kafka/cluster"
	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// codec returns the codec of a setting.
func codec(name string) kgo.CompressionCodec {
	switch name {
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	default:
		return kgo.NoCompression()
	}
}

// compression returns franz-go's compression with the codec of a setting, nil for none.
func compression(name string) *cluster.Compression {
	if name == "none" {
		return nil
	}
	compressor, err := kgo.DefaultCompressor(codec(name))
	if err != nil {
		return nil // every codec of the setting exists; otherwise the plain size of records counts
	}
	return &cluster.Compression{Codec: name, BatchSize: func(r *proxy.Record) int64 { return compressedSize(compressor, r) }}
}

// compressedSize returns the size of a record in a batch of its own, as franz-go writes it: compressed,
// unless that makes it larger.
func compressedSize(by kgo.Compressor, r *proxy.Record) int64 {
	plain := cluster.BatchSize(r)
	encoded := encode(r)
	compressed, _ := by.Compress(new(bytes.Buffer), encoded)
	if compressed == nil || len(compressed) >= len(encoded) {
		return plain
	}
	return plain - int64(len(encoded)) + int64(len(compressed))
}

// encode returns a record in Kafka's message format v2, as the first of its batch.
func encode(r *proxy.Record) []byte {
	record := kmsg.NewRecord()
	record.Key, record.Value = r.Key, r.Value
	for _, h := range r.Headers {
		record.Headers = append(record.Headers, kmsg.Header(h))
	}
	const noLength = 1 // size of the encoded length 0
	body := record.AppendTo(nil)[noLength:]
	return append(binary.AppendVarint(nil, int64(len(body))), body...)
}
