// Package inventory answers administrators' requests about a cluster, and makes the changes that they may
// request: of groups, their offsets, and topics.
package inventory
