// Package strangers attacks the built program with hundreds of hostile connections, of many kinds at
// a time, beside honest clients who write, read and reconnect. These must not notice: nobody is
// refused, nothing is lost, answers come about as fast as without the strangers. When the strangers
// have gone, the memory that they took has too.
//
// The short test has 100 strangers beside 8 honest clients, the long one 200 beside 15 or, with
// OUTSIDE_SCALE=full, 2,000 beside 50 for two minutes. The figures are
// logged: run it with -v, and without the race detector, which slows the clients and not the program.
package strangers
