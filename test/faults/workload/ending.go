package workload

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/test/faults/wsclient"
)

// Ending is how a client ends a connection.
type Ending int

// The endings.
const (
	CloseHandshake Ending = iota // close frame, answer, FIN
	CloseAtOnce                  // FIN, or RST if some bytes were not read
	Reset                        // RST
	HalfClose                    // FIN in one direction, the other is read to its end
	HalfOpen                     // the wire is dead, and the proxy is not notified
	Silent                       // the client stops reading and writing, and disconnects later
	CutInside                    // RST or FIN in the middle of a message
	endings
)

const (
	closeWait  = 10 * time.Second // for the answer to a close frame
	silentTime = 40 * time.Second
)

// AnyEnding chooses an ending.
func AnyEnding(r *rand.Rand) Ending { return Ending(r.IntN(int(endings))) }

// end ends the session's connection. readerDone reports the end of the session's reader.
func (s *session) end(ctx context.Context, ending Ending, r *rand.Rand) {
	switch ending {
	case CloseHandshake:
		_ = s.wire.SetDeadline(time.Now().Add(closeWait))
		if s.ws.SendClose(1000) == nil {
			<-s.readerDone
		}
	case HalfClose:
		_ = s.wire.SetReadDeadline(time.Now().Add(closeWait))
		_ = s.wire.CloseWrite()
		<-s.readerDone
	case Reset:
		s.wire.Reset()
	case HalfOpen:
		s.wire.Freeze()
		Pause(ctx, silentTime)
		s.wire.Reset()
	case Silent:
		s.stopReading()
		Pause(ctx, silentTime)
	case CutInside:
		payload := make([]byte, []int{50, 1000, 70000}[r.IntN(3)])
		_ = s.wire.SetWriteDeadline(time.Now().Add(time.Second))
		_ = s.ws.SendUntil(payload, wsclient.Cut(r.IntN(int(wsclient.Cuts))))
		if r.IntN(2) == 0 {
			s.wire.Reset()
		}
	default:
	}
	_ = s.wire.Close()
	<-s.readerDone
}
