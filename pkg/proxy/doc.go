// Package proxy holds the types that all other packages share: records, positions, format
// types, errors and the one table that maps an error kind to a code, an HTTP status and a
// WebSocket close code.
//
// It imports the standard library only, and does not use the network.
package proxy
