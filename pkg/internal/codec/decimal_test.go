package codec

import (
	"bytes"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestParseFloat has numbers of more digits than strconv.ParseFloat reads.
func TestParseFloat(t *testing.T) {
	zeroes := func(n int) string { return strings.Repeat("0", n) }
	// The number exactly between 0 and the smallest double, which is rounded down, and a slightly
	// larger one, which is rounded up.
	between := new(big.Float).SetMantExp(big.NewFloat(1), -1075).Text('f', 1100)
	for name, test := range map[string]struct {
		text     string
		double   float64
		tooLarge bool
	}{
		"1 in 1001 digits":           {"1" + zeroes(1000) + "e-1000", 1, false},
		"1 in 100,001 digits":        {"1" + zeroes(100_000) + "e-100000", 1, false},
		"1 after 100,000 zeroes":     {"0." + zeroes(100_000) + "1e100001", 1, false},
		"-1.5 in many":               {"-15" + zeroes(900) + ".0e-901", -1.5, false},
		"15 with a point in zeroes":  {"15" + zeroes(900) + "." + zeroes(900) + "E-0900", 15, false},
		"many nines":                 {"0." + strings.Repeat("9", 5000), 1, false},
		"many threes":                {"0." + strings.Repeat("3", 5000), 1.0 / 3, false},
		"0 in many digits":           {zeroes(1) + "." + zeroes(5000), 0, false},
		"0 with a huge exponent":     {"0." + zeroes(5000) + "e" + strings.Repeat("9", 5000), 0, false},
		"a huge negative exponent":   {"1." + zeroes(5000) + "e-" + strings.Repeat("9", 5000), 0, false},
		"a huge exponent":            {"1." + zeroes(5000) + "e" + strings.Repeat("9", 5000), 0, true},
		"10^400":                     {"1" + zeroes(400) + "." + zeroes(400), 0, true},
		"10^100000":                  {"1" + zeroes(100_000), 0, true},
		"the largest double":         {"17976931348623157" + zeroes(1000) + "e-708", math.MaxFloat64, false},
		"half the smallest":          {between, 0, false},
		"a little more":              {between + zeroes(1000) + "1", math.SmallestNonzeroFloat64, false},
		"a little less":              {strings.Replace(between, "2", "1", 1), 0, false},
		"a bit above 1, far behind":  {"1.00000000000000011102230246251565404236316680908203125" + zeroes(1000) + "1", 1 + 0x1p-52, false},
		"exactly there: rounds down": {"1.00000000000000011102230246251565404236316680908203125" + zeroes(1000), 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := parseFloat([]byte(test.text), 64)
			if ok == test.tooLarge || ok && got != test.double {
				t.Errorf("got %v, %v, want %v", got, ok, test.double)
			}
		})
	}
}

// FuzzFloat states of every JSON number, also with zeroes added that do not change it, that it
// becomes the nearest double and the nearest float, or is too large for one.
func FuzzFloat(f *testing.F) {
	for _, seed := range []string{"1", "-0", "1e400", "0.1", "9007199254740993", "1.7976931348623159e308", "5e-324", "2.4703282292062327e-324", "16777217", "3.4028235677973366e38"} {
		f.Add([]byte(seed), uint16(0), uint16(0))
		f.Add([]byte(seed), uint16(1000), uint16(900))
	}
	f.Fuzz(func(t *testing.T, number []byte, whole, fraction uint16) {
		s := scanner{data: number}
		var token token
		if c := s.peek(); c != '-' && (c < '0' || c > '9') || !s.number(&token) || !s.end() {
			return
		}
		if _, exponent := splitExponent(s.raw(&token)); exponent > 5000 || exponent < -5000 {
			return // exact arithmetic would take long
		}
		text := padded(s.raw(&token), int(whole%2000), int(fraction%2000))
		exact, ok := new(big.Rat).SetString(string(text))
		if !ok {
			t.Fatalf("%s is no number", text)
		}
		want, _ := exact.Float64()
		if got, ok := parseFloat(text, 64); ok == math.IsInf(want, 0) || ok && got != want {
			t.Fatalf("%s becomes %v, %v, not %v", text, got, ok, want)
		}
		single, _ := exact.Float32()
		if got, ok := parseFloat(text, 32); ok == math.IsInf(float64(single), 0) || ok && float32(got) != single {
			t.Fatalf("%s becomes the float %v, %v, not %v", text, got, ok, single)
		}
	})
}

// padded returns a number with zeroes added before and behind its point, made up for by its
// exponent.
func padded(number []byte, before, behind int) []byte {
	mantissa, exponent := splitExponent(number)
	whole, fraction, _ := bytes.Cut(mantissa, []byte{'.'})
	exponent -= len(fraction) + before
	zeroes := make([]byte, 0, before+1+behind)
	zeroes = append(zeroes, bytes.Repeat([]byte{'0'}, before)...)
	zeroes = append(append(zeroes, '.'), bytes.Repeat([]byte{'0'}, behind)...)
	return strconv.AppendInt(append(slices.Concat(whole, fraction, zeroes), 'e'), int64(exponent), 10)
}
