package share

// rank are the workers of a topic that have room: those that hold the fewest records first, of equal ones the one that has waited the
// longest. They implement heap.Interface.
type rank []*Worker

func (r *rank) Len() int { return len(*r) }

func (r *rank) Less(i, j int) bool {
	if (*r)[i].holds != (*r)[j].holds {
		return (*r)[i].holds < (*r)[j].holds
	}
	return (*r)[i].dealt < (*r)[j].dealt
}

func (r *rank) Swap(i, j int) {
	(*r)[i], (*r)[j] = (*r)[j], (*r)[i]
	(*r)[i].ranked, (*r)[j].ranked = i, j
}

// Push implements heap.Interface.
func (r *rank) Push(x any) {
	if w, ok := x.(*Worker); ok {
		w.ranked = len(*r)
		*r = append(*r, w)
	}
}

// Pop implements heap.Interface.
func (r *rank) Pop() any {
	last := len(*r) - 1
	w := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	w.ranked = -1
	return w
}
