package session

// expiries is a heap of pending claims.
type expiries []*entry

// Len implements heap.Interface.
func (q *expiries) Len() int { return len(*q) }

// Less implements heap.Interface.
func (q *expiries) Less(i, j int) bool { return (*q)[i].expires < (*q)[j].expires }

// Swap implements heap.Interface.
func (q *expiries) Swap(i, j int) {
	(*q)[i], (*q)[j] = (*q)[j], (*q)[i]
	(*q)[i].index, (*q)[j].index = i, j
}

// Push implements heap.Interface.
func (q *expiries) Push(x any) {
	e, _ := x.(*entry)
	e.index = len(*q)
	*q = append(*q, e)
}

// Pop implements heap.Interface.
func (q *expiries) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	e.index = -1
	return e
}
