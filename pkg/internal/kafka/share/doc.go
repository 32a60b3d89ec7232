// Package share has members of Kafka's share groups (KIP-932) and deals the records that they acquire to workers, which
// settle them one by one. All workers of a replica with the same group and the same Kafka identity share one
// member.
//
// # What must hold
//
//   - A record is at one worker at a time: it is dealt again only after the worker that had it was told that it
//     does not hold it anymore.
//   - What a worker was told to have lost is never settled as good afterwards.
//   - Nothing is held that no worker holds: the member acquires at most as many records as there are free
//     places in the windows of its workers, and gives back at once what it acquired for a worker that has left.
package share
