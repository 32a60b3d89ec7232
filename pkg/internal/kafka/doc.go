// Package kafka holds the rooms that are the proxy's side of Apache Kafka, the only importers of
// franz-go, whose types do not leave them:
//
//   - cluster: brokers, logins and rights, and topic instances; everything below holds an instance,
//     never a name
//   - produce: pooled idempotent producers, and transactions
//   - consume: members of consumer groups, their positions and commits, and how far they are behind
//   - table: compacted state that replicas share
//   - inventory: what administrators ask about groups, offsets and topics
//
// Imports point to cluster; table also writes with what produce knows of producing clients.
package kafka
