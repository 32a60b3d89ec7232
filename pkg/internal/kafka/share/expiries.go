package share

// expiries are holds in the order in which their locks end. They implement heap.Interface.
type expiries []*hold

func (e *expiries) Len() int           { return len(*e) }
func (e *expiries) Less(i, j int) bool { return (*e)[i].until.Before((*e)[j].until) }

func (e *expiries) Swap(i, j int) {
	(*e)[i], (*e)[j] = (*e)[j], (*e)[i]
	(*e)[i].expiry, (*e)[j].expiry = i, j
}

// Push implements heap.Interface.
func (e *expiries) Push(x any) {
	if h, ok := x.(*hold); ok {
		h.expiry = len(*e)
		*e = append(*e, h)
	}
}

// Pop implements heap.Interface.
func (e *expiries) Pop() any {
	last := len(*e) - 1
	h := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	h.expiry = -1
	return h
}
