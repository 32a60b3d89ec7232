package consume

// turns lets one goroutine at a time through, like a mutex, while the goroutine whose turn it is may
// wait for Kafka. Since it is a channel, tests in virtual time see that the other goroutines wait, and
// advance the time.
type turns chan struct{} // of capacity 1

func (t turns) take() { t <- struct{}{} }
func (t turns) end()  { <-t }
