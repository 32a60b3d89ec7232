package codec

import (
	"bytes"
	"math"
)

// maxDigits is how many decimal digits always fit a uint64.
const maxDigits = 19

// ParseInteger returns the exact value of a JSON number, however it is spelled: 1.0 and 1e2
// are integers. ok is false where it has a fraction or exceeds an int64.
func ParseInteger(text []byte) (n int64, ok bool) {
	negative := text[0] == '-'
	if negative {
		text = text[1:]
	}
	mantissa, exponent := splitExponent(text)
	whole, fraction, _ := bytes.Cut(mantissa, []byte{'.'})
	if fraction = bytes.TrimRight(fraction, "0"); len(fraction) == 0 {
		trimmed := bytes.TrimRight(whole, "0")
		exponent += len(whole) - len(trimmed)
		whole = trimmed
	}
	exponent -= len(fraction)
	magnitude, ok := accumulate(0, whole)
	if ok {
		magnitude, ok = accumulate(magnitude, fraction)
	}
	if magnitude == 0 && ok {
		return 0, true
	}
	// The last digit is not 0 here, so that a negative exponent is a fraction.
	if !ok || exponent < 0 || exponent > maxDigits {
		return 0, false
	}
	for range exponent {
		if magnitude > math.MaxInt64/10 {
			return 0, false
		}
		magnitude *= 10
	}
	return signed(magnitude, negative)
}

// splitExponent returns the text before the exponent, and the exponent. An exponent that is too
// large for any number of that length stops growing.
func splitExponent(text []byte) (mantissa []byte, exponent int) {
	i := bytes.IndexAny(text, "eE")
	if i < 0 {
		return text, 0
	}
	digits := bytes.TrimLeft(text[i+1:], "+-")
	for _, c := range digits {
		if exponent > math.MaxInt/100 {
			break
		}
		exponent = exponent*10 + int(c-'0')
	}
	if text[i+1] == '-' {
		exponent = -exponent
	}
	return text[:i], exponent
}

// accumulate appends decimal digits to n. ok is false where they do not fit.
func accumulate(n uint64, digits []byte) (sum uint64, ok bool) {
	const limit = 1e18 // below it, one more digit fits
	for _, c := range digits {
		if n >= limit {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

func signed(magnitude uint64, negative bool) (n int64, ok bool) {
	if negative {
		return -int64(magnitude), magnitude <= -math.MinInt64
	}
	return int64(magnitude), magnitude <= math.MaxInt64
}
