// Package inventory answers what administrators ask about a cluster, and changes what they may:
// groups, their offsets, and topics.
package inventory
