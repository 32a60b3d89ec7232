// Package budget bounds the memory that all connections of this process hold together.
//
// A limit for each connection does not bound all of them together: while Kafka does not answer, or when
// all clients read the backlog of an outage, each connection holds as much as it may. A connection
// acquires memory here before it holds more, and waits while there is no room: nothing is read from its
// socket then, and TCP makes the peer wait too.
//
// # What must hold
//
//   - What is held never exceeds the budget, except as described below.
//   - Of the waiters of a kind, the one whose connection holds the least is served first, and those that hold the same in the
//     order in which they came. So a connection that holds little does not wait behind those that fill the budget, and no
//     large request starves behind small ones: at the latest when its connection holds nothing it is its turn.
//   - A connection with an account that holds something gets no more than is left for all others then. So however many fill
//     the budget, as much as one of them holds is left for the next one (Choudhury and Hahne, Dynamic Queue Length
//     Thresholds for Shared-Memory Packet Switches, 1998).
//   - An eighth of the budget is reserved for each kind of request, and the rest is shared. So consumers
//     whose clients read nothing cannot block producers, and producers whose broker does not answer
//     cannot block consumers.
//   - No waiter waits for something that waits here itself. Memory of kind Producing is freed by Kafka's
//     answers, or when the proxy gives up waiting for them; of kinds Consuming and Writing by clients
//     that read, or when the proxy gives them up. Memory of kind Receiving holds a message that is being
//     read, or that waits for room of kind Producing: never the other way round.
//   - A request of a kind that holds nothing is admitted whatever its size: otherwise a message that is
//     longer than the budget would wait forever.
//
// The budget is exceeded by such a request of each kind, and by memory whose size is known only once it
// is held, which Charge counts: how much longer than its compressed form a batch is, and the frames that
// are being written.
package budget
