// Package neighbours judges what connections notice of one whose records Kafka refuses. They
// write to the same partition with the same clientId, so that their records share a Kafka
// client and its batches: one that is refused would take the others with it.
package neighbours
