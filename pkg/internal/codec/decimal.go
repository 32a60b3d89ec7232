package codec

import (
	"bytes"
	"strconv"
)

const (
	// longNumber is the length from which strconv.ParseFloat is not reliable: it takes the
	// 800th digit for the last before the point, and reads five digits of an exponent.
	longNumber = 500
	// tellingDigits is more than the number of significant digits that can decide to which of two
	// neighbouring doubles a number is rounded: a number exactly between two has 767.
	tellingDigits = 780
)

// parseFloat returns the float or double of the given size that is nearest to a JSON number.
// ok is false where the number is too large for any.
func parseFloat(text []byte, bits int) (x float64, ok bool) {
	if len(text) > longNumber {
		text = shortened(text)
	}
	x, err := strconv.ParseFloat(string(text), bits)
	return x, err == nil
}

// shortened returns a JSON number that is rounded to the same double as text, and that
// strconv.ParseFloat reads correctly.
func shortened(text []byte) []byte {
	var short []byte
	if text[0] == '-' {
		short, text = append(short, '-'), text[1:]
	}
	mantissa, exponent := splitExponent(text)
	whole, fraction, _ := bytes.Cut(mantissa, []byte{'.'})
	digits := append(bytes.Clone(whole), fraction...)
	significant := bytes.TrimLeft(digits, "0")
	exponent += len(whole) - (len(digits) - len(significant))
	short = append(short, "0."...)
	if len(significant) > tellingDigits {
		rest := significant[tellingDigits:]
		significant = significant[:tellingDigits:tellingDigits]
		if len(bytes.Trim(rest, "0")) > 0 {
			significant = append(significant, '1') // stands for all digits that follow
		}
	}
	short = append(short, significant...)
	if len(significant) == 0 {
		return append(short, '0')
	}
	const beyondAll = 9999 // a fraction with this exponent is infinite, with its negative 0
	return strconv.AppendInt(append(short, 'e'), int64(max(-beyondAll, min(exponent, beyondAll))), 10)
}
