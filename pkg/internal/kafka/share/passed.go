package share

import "slices"

// passed are the records that a worker was passed by Take and that were not delivered yet, in their order.
type passed struct {
	holds []*hold
	begin int // of what is left
}

func (p *passed) add(h *hold) { p.holds = append(p.holds, h) }

// next removes and returns the first one, or nil. An idle worker keeps memory for keptEvents.
func (p *passed) next() *hold {
	if p.begin == len(p.holds) {
		return nil
	}
	h := p.holds[p.begin]
	p.holds[p.begin] = nil
	p.begin++
	if p.begin == len(p.holds) {
		p.holds, p.begin = slices.Delete(p.holds, 0, p.begin), 0
		if cap(p.holds) > keptEvents {
			p.holds = nil
		}
	}
	return h
}
