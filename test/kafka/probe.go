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
	versionsKey      = 18
	versionsVersion  = 0
	probeCorrelation = 7
	probeClient      = "probe"
)

// countBrokers asks the Kafka at addr for metadata and returns how many brokers it knows.
// A broker that is still joining its cluster answers 0.
func countBrokers(ctx context.Context, addr string) (int, error) {
	conn, err := ask(ctx, addr, metadataRequest())
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return readBrokerCount(conn)
}

// askVersions asks the Kafka at addr which requests it takes. It answers that before a login.
func askVersions(ctx context.Context, addr string) error {
	conn, err := ask(ctx, addr, frame(versionsKey, versionsVersion, nil))
	if err != nil {
		return err
	}
	defer conn.Close()
	var head [10]byte // size, correlation, error code
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return fmt.Errorf("reading versions: %w", err)
	}
	if code := binary.BigEndian.Uint16(head[8:]); code != 0 {
		return fmt.Errorf("reading versions: the broker answers error %d", code)
	}
	return nil
}

// ask sends a request. The answer is to be read from the connection within probeTimeout.
func ask(ctx context.Context, addr string, request []byte) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	err = conn.SetDeadline(deadline)
	if err == nil {
		_, err = conn.Write(request)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// metadataRequest is a Metadata request for no topic.
func metadataRequest() []byte {
	return frame(metadataKey, metadataVersion, []byte{0, 0, 0, 0}) // the number of topics
}

// frame is a request in the framing of https://kafka.apache.org/protocol (header version 1).
func frame(key, version uint16, payload []byte) []byte {
	var body []byte
	body = binary.BigEndian.AppendUint16(body, key)
	body = binary.BigEndian.AppendUint16(body, version)
	body = binary.BigEndian.AppendUint32(body, probeCorrelation)
	body = binary.BigEndian.AppendUint16(body, uint16(len(probeClient)))
	body = append(body, probeClient...)
	body = append(body, payload...)
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
