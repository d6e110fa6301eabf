package alarmdb

import (
	"fmt"
	"math"
	"strconv"
)

const (
	// oddShown is how many of the odd rows are shown.
	oddShown = 10
	// oddBytes is how much of a value is shown, in bytes.
	oddBytes = 40
)

// Odd are rows in alarm that nothing can be done about, since their process_id
// is no whole number of 64 bits: SQLite holds any value in a column of type
// INT, and a table of somebody's own making may have a column of another type.
// One such row must not keep the others from being answered.
type Odd struct {
	// Count is how many there are.
	Count int
	// Values shows the first of them, quoted and cut to a bearable length.
	Values []string
}

func (o *Odd) add(v any) {
	o.Count++
	if len(o.Values) == oddShown {
		return
	}
	text := fmt.Sprint(v)
	if b, ok := v.([]byte); ok {
		text = string(b)
	}
	o.Values = append(o.Values, strconv.Quote(text[:min(len(text), oddBytes)]))
}

// Odd returns the odd rows that the last poll has left out.
func (db *DB) Odd() Odd {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.odd
}

func (db *DB) setOdd(o Odd) {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.odd = o
}

// wholeNumber converts what a driver makes of a process_id.
func wholeNumber(v any) (int64, bool) {
	const exact = 1 << 53 // above it a float64 stands for several whole numbers
	switch v := v.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= math.MaxInt64 //nolint:gosec // it is not used then
	case float32:
		return wholeNumber(float64(v))
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < exact
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	case []byte:
		return wholeNumber(string(v))
	}
	return 0, false
}
