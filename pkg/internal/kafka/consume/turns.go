package consume

// turns lets one goroutine at a time through, as a mutex does, where whoever has its turn waits for
// Kafka. With a channel, tests in virtual time see that the others wait, and go on.
type turns chan struct{} // of capacity 1

func (t turns) take() { t <- struct{}{} }
func (t turns) end()  { <-t }
