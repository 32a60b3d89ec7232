// Package wsclient is a WebSocket client (RFC 6455) over a net.Conn that does by itself nothing
// that it is not asked for: it answers no ping, ends no connection, and can stop in the middle
// of a frame. It shares no code with the proxy.
package wsclient
