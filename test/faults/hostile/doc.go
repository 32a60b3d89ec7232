// Package hostile attacks the built program with hundreds of hostile connections, of many kinds at
// a time, beside honest clients who write, read and reconnect. These must not notice: nobody is
// refused, nothing is lost, answers come about as fast as without the attackers. When the attackers
// have gone, the memory that they took has too.
//
// There are 200 attackers beside 15 honest clients or, with OUTSIDE_SCALE=full, 2,000 beside 50 for two
// minutes. Each attack is also made alone, by one address that takes all the places that it can get:
// clients at other addresses are served within a second. The figures are logged: run it with -v, and without the race detector, which slows the clients and not the program.
// ATTACKERS_NICE=0 gives the attackers as much of the processors as the proxy has.
package hostile
