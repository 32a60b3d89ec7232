package feed

import "github.com/wsproxy/kafka-websocket-proxy/pkg/proxy"

// page is frames for one tail.
type page struct {
	chunk

	controls [][]byte     // come before the others
	before   proxy.Places // where the tail is before them
}

// newPage returns a page that tells gaps.
func newPage(e Encoder, gaps []proxy.Gap) *page {
	p := &page{chunk: chunk{index: &index{}}}
	for _, gap := range gaps {
		p.controls = append(p.controls, e.AppendGap(nil, gap))
	}
	return p
}

// add adds the frame of a record.
func (p *page) add(e Encoder, r *proxy.Record) {
	p.frames = e.AppendRecord(p.frames, r)
	p.index.add(r, len(p.frames))
}
