package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	probeTimeout     = 2 * time.Second
	metadataKey      = 3
	metadataVersion  = 1
	probeCorrelation = 7
	probeClient      = "probe"
)

// countBrokers asks the Kafka at addr for metadata and returns how many brokers it knows.
// A broker that is still joining its cluster answers 0.
func countBrokers(ctx context.Context, addr string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return 0, err
	}
	if _, err := conn.Write(metadataRequest()); err != nil {
		return 0, err
	}
	return readBrokerCount(conn)
}

// metadataRequest is a Metadata request for no topic, in the framing of
// https://kafka.apache.org/protocol (header version 1).
func metadataRequest() []byte {
	var body []byte
	body = binary.BigEndian.AppendUint16(body, metadataKey)
	body = binary.BigEndian.AppendUint16(body, metadataVersion)
	body = binary.BigEndian.AppendUint32(body, probeCorrelation)
	body = binary.BigEndian.AppendUint16(body, uint16(len(probeClient)))
	body = append(body, probeClient...)
	body = binary.BigEndian.AppendUint32(body, 0) // topics
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func readBrokerCount(r io.Reader) (int, error) {
	var head [12]byte // size, correlation, number of brokers
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, fmt.Errorf("reading metadata: %w", err)
	}
	if got := binary.BigEndian.Uint32(head[4:]); got != probeCorrelation {
		return 0, fmt.Errorf("reading metadata: the answer has correlation %d, not %d", got, probeCorrelation)
	}
	return int(int32(binary.BigEndian.Uint32(head[8:]))), nil
}
