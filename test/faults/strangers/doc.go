// Package strangers attacks the built program with hundreds of hostile connections, of many kinds at
// a time, beside honest clients who write, read and reconnect. These must not notice: nobody is
// refused, nothing is lost, answers come about as fast as without the strangers. When the strangers
// have gone, the memory that they took has too.
//
// The short test has 100 strangers beside 8 honest clients, the long one 200 beside 15 or, with
// OUTSIDE_SCALE=full, 2,000 beside 50 for two minutes. Each attack is also made alone, by one address
// that takes all the places that it can get: clients at other addresses are served within a second.
// The figures are
// logged: run it with -v, and without the race detector, which slows the clients and not the program.
// STRANGERS_NICE=0 gives the strangers as much of the processors as the proxy has.
package strangers
