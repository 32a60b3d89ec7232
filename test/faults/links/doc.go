// Package links is TCP connections with faults. A [Link] listens where clients believe their server to be, and passes on
// what comes, as well as it is told to: at once, later, slowly, or not at all. Both directions are told apart.
//
// A link loses nothing of a connection that goes on, as TCP does not: what a direction holds arrives when the fault is over,
// the end of the connection included. Until then it is half-open. [Link.Cut] is what loses bytes.
package links
