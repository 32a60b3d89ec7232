package workload

import "net"

// Identified is a [Wire] of a client that says in its handshake who it is.
type Identified interface {
	// Headers are further lines of the handshake.
	Headers() []string
}

// Wire is a connection that can end, or stop, in all ways that the suite needs.
type Wire interface {
	net.Conn
	CloseWrite() error
	Reset()  // ends it at once, with RST
	Freeze() // stops both directions without notice
}
