// Package strangers attacks the built program with hundreds of hostile connections, of many kinds at
// a time, beside honest clients who write, read and reconnect. These must not notice: nobody is
// refused, nothing is lost, answers come about as fast as without the strangers. When the strangers
// have gone, the memory that they took has too.
//
// Each attack is also made alone, by one address that takes all the places that it can get: clients at other
// addresses are served within a second.
//
// OUTSIDE_SCALE=full runs 2,000 strangers beside 50 honest clients for two minutes. The figures are
// logged: run it with -v, and without the race detector, which slows the clients and not the program.
// STRANGERS_NICE=0 gives the strangers as much of the processors as the proxy has.
package strangers
