// Package kafka contains the packages that are the proxy's side of Apache Kafka. Only they import
// franz-go, and its types do not leave them:
//
//   - cluster: brokers, logins and rights, and topic instances; the packages below hold an instance,
//     never a name
//   - produce: pooled idempotent producers, and transactions
//   - consume: members of consumer groups, their positions and commits, and their lag
//   - share: members of share groups, and the workers among which they deal records
//   - read: topics without a group, for live tails
//   - table: compacted state that replicas share
//   - inventory: administrators' requests about groups, offsets and topics
//
// Imports point to cluster; table also appends with the help of package produce.
package kafka
