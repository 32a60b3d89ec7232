package workload

import "net"

// Wire is a connection that can end, or stop, in all ways that the suite needs.
type Wire interface {
	net.Conn
	CloseWrite() error
	Reset()  // ends it at once, with RST
	Freeze() // stops both directions without notice
}
