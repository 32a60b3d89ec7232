// Package overload runs the program against a real Apache Kafka behind a link that is narrower than what clients offer. The
// proxy must keep no more than it may, serve its clients evenly and a client that asks little soon, and lose nothing that it has
// answered.
//
// The flag -length has it go on for longer.
package overload
