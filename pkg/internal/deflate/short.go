package deflate

// shortSize is the longest message, in bytes, that the shortEncoder takes. Beyond about that, Huffman codes
// made for the message save more than they cost: of frames of 570 bytes both make the same, and of frames
// of 1,050 bytes the flate package makes a tenth less, in twice the time.
const shortSize = 768

// shortEncoder compresses a short message in a third of the time that the flate package takes, since it
// makes no Huffman codes, and has a table that is small enough to be cleared for each message. It takes
// about 18 KB.
type shortEncoder struct {
	matcher matcher
	block   fixedBlock
}

// appendMessage appends a message of at most shortSize bytes, which may repeat what is in the history, of at
// most historySize bytes. What is appended is at most an eighth and 3 bytes longer than the message.
func (e *shortEncoder) appendMessage(dst, history, message []byte) []byte {
	e.matcher.load(history, message)
	e.block.begin(dst)
	text, written, last := e.matcher.text, len(history), 0
	for {
		found, ok := e.matcher.next(written, last)
		if !ok {
			break
		}
		found.extend(text, written)
		e.block.literals(text[written:found.at])
		e.block.match(found.length, found.distance)
		written, last = found.at+found.length, found.distance
	}
	e.block.literals(text[written:])
	return e.block.end()
}

// extend lets a match begin earlier, as far as what stands before it repeats too, but not before from.
func (m *match) extend(text []byte, from int) {
	for m.at > from && m.at > m.distance && text[m.at-1] == text[m.at-m.distance-1] {
		m.at--
		m.length++
	}
}
