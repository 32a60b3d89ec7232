// Package deflate is the part of permessage-deflate (RFC 7692) that concerns messages, for a WebSocket
// server: Negotiate agrees on the extension in a handshake, a Compressor compresses what one connection
// sends, and Inflaters inflate what clients send. Frames, and their RSV1 bit, are the caller's.
//
// # Memory
//
// To compress with context takeover, zlib keeps 256 KB for each connection, and a flate.Writer keeps 1.2 MB.
// Here a connection keeps about 2 KB: the end of what it has sent compressed, from which each message is
// compressed anew, by a flate.Writer of those that all connections share. On records of 276 bytes that makes
// payloads that are a fifth as long as the messages, where the window of 32 KB would make them a sixth. Clients are made
// to use no context takeover, so that inflating keeps nothing for a connection at all.
//
// # What must hold
//
//   - A message repeats nothing but itself and what the same Compressor has compressed before. So payloads
//     must be sent in the order in which they were compressed, and none may be left out. What is sent
//     uncompressed is not in the window of the peer, and not in the history of a Compressor. Where Deflaters
//     compress a message for several connections, their caller must know what each of them was sent.
//   - No payload has a block with the BFINAL bit, after which a peer might begin with an empty window.
//   - No payload is inflated to more than the limit of the caller, whatever it holds.
//
// flate.StatelessDeflate, which takes a dictionary too, is not used: it copies dictionary and message to a
// buffer that it allocates each time, and its table of 16 KB is on the stack of the goroutine that calls it,
// which each connection has.
//
// # Credentials
//
// A message that holds a secret must be sent uncompressed, and must not be given to AppendCompressed. Else
// whoever can see how long the payloads are, and can have text of their choice sent on the same connection,
// can guess the secret part by part: a right guess is repeated text, and makes the payload shorter. That is
// how CRIME and BREACH work, and TLS does not hide lengths: RFC 7692, section 9.
package deflate
