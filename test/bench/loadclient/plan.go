package loadclient

// Plan says which sockets are to be opened, beside those that are there.
type Plan struct {
	Addr      string   // host and port
	Authority []byte   // the certificate to trust, PEM; without one there is no TLS
	Path      string   // without a query
	Queries   []string // of a socket each
	AtOnce    int      // most handshakes that are under way
}

// Command is what the process is told, as a line of JSON. It is answered with the [Report] of the
// moment before it is done: sockets are opened behind it.
type Command struct {
	Open *Plan `json:",omitempty"`
	Mark bool  `json:",omitempty"` // begin the latencies anew, behind the report
}
