package socket

import (
	"time"

	"github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"
)

// cursorShares is which part of the time between two cursors one that is due waits for records to share their write.
const cursorShares = 2

// addCursor sends a cursor where the places have moved and the last one was sent long enough ago.
func (f *tail) addCursor(now time.Time) {
	if f.options.Cursors == 0 {
		return
	}
	if now.Before(f.cursorDue) {
		f.moved = true
		return
	}
	f.moved = false
	if cursor := f.options.Cursor(); cursor != f.cursor && cursor != "" {
		f.sendCursor(cursor)
		f.cursorDue = now.Add(f.options.Cursors)
	}
}

func (f *tail) sendCursor(cursor string) {
	f.cursor = cursor
	frame, mark := beginFrame(f.dst)
	frame = append(append(append(frame, `{"cursor":"`...), cursor...), `"}`...)
	f.dst = endFrame(frame, mark, opText)
}

// sayFarewell sends the cursor before a close frame that asks the client to connect again, or tells it that it was given all.
func (f *tail) sayFarewell() {
	if f.farewell {
		return
	}
	f.farewell = true
	if ending := f.conn.Ending(); ending != nil && (ending.Code == proxy.CloseServiceRestart || ending.Code == proxy.CloseNormal) {
		if cursor := f.options.Cursor(); cursor != "" {
			f.sendCursor(cursor)
		}
	}
}
