// Package proxy holds the words that every other package speaks: records, positions,
// format types, errors and the one table that turns an error kind into a code, an HTTP
// status and a WebSocket close code.
//
// It imports the standard library only, and holds no behaviour that touches the network.
package proxy
