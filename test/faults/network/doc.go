// Package network is a network in memory whose connections behave as TCP's do: each direction
// has a buffer of megabytes, so that what is written lies somewhere before it is read;
// deadlines, half-closed and reset connections, and wires that are frozen for a while. All that
// blocks in it blocks on channels, so that it works in a testing/synctest bubble.
package network
