package codec

import (
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"
)

func TestParseInteger(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "-0": 0, "0.0": 0, "0e999999999999999999999": 0, "-0.000e-5": 0,
		"1": 1, "-1": -1, "1.0": 1, "1e2": 100, "1E+2": 100, "100e-2": 1, "1.50e1": 15, "-12.5e1": -125,
		"9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
		"9223372036854775807.000": math.MaxInt64, "922337203685477580.7e1": math.MaxInt64,
		"-922337203685477580.8e1": math.MinInt64, "92233720368547758070e-1": math.MaxInt64,
		"9e18": 9_000_000_000_000_000_000, "1000000000000000000000e-21": 1, "0.000000000000000000001e21": 1,
		"1" + strings.Repeat("0", 1000) + "e-1000": 1,
	} {
		if got, ok := ParseInteger([]byte(text)); !ok || got != want {
			t.Errorf("%.40s: got %d, %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"0.1", "1.5", "-1.000001", "1e-1", "15e-1", "1e-999999999999999999999", "1e19", "1e999999999999999999999",
		"9223372036854775808", "-9223372036854775809", "18446744073709551616", "36893488147419103233",
		"922337203685477580.75e1", "1" + strings.Repeat("0", 1000), "10e18", "9.3e18",
	} {
		if got, ok := ParseInteger([]byte(text)); ok {
			t.Errorf("%.40s: got %d, want a refusal", text, got)
		}
	}
}

// FuzzInteger states that ParseInteger agrees with exact rational arithmetic on every JSON
// number whose exponent is small enough for the oracle.
func FuzzInteger(f *testing.F) {
	for _, seed := range []string{"0", "-0.0", "1.0", "1e2", "120e-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "1e18", "1.5"} {
		f.Add(seed)
	}
	number := regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$`)
	f.Fuzz(func(t *testing.T, text string) {
		if !number.MatchString(text) {
			return
		}
		exact, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("the oracle refuses %q", text)
		}
		fits := exact.IsInt() && exact.Num().IsInt64()
		got, ok := ParseInteger([]byte(text))
		if ok != fits || (ok && got != exact.Num().Int64()) {
			t.Fatalf("%s: got %d, %v, want %v", text, got, ok, exact)
		}
	})
}
