// Package goclients is programs that use pkg/client while things fail, and a check of what they were told. It does not know how they fail.
//
// What must hold in the end, when everything is well again and nobody writes anymore:
//
//  1. Each message has an answer. One whose answer is an ack is in Kafka, at the place that the ack tells. One whose answer is an error may be
//     there or not.
//  2. No message is in Kafka more often than the client says that it has sent it.
//  3. Each record was given to a member of the consumer group, at least once, though its members come, go, and commit by hand.
//  4. Each record was given to the tail exactly once, in the order of its partition, or lies in a gap of which the tail was told. So it is
//     when the program itself leaves the tail and goes on at a cursor.
//  5. Each record was accepted by a worker of the queue exactly once, as the workers were told, and is not handed out again after that. Only
//     where a worker was not told what became of its acceptance, or Kafka has handed the record out as often as it may, there may be none.
package goclients
