package daemon

import (
	"slices"

	"monitor_service/internal/alarmdb"
)

const sayOddText = "Rows in alarm are left alone, their process_id is no whole number"

// sayOdd tells of the rows in alarm that a poll had to leave out, once as long
// as they are the same ones.
func (d *Daemon) sayOdd(odd alarmdb.Odd) {
	same := odd.Count == d.odd.Count && slices.Equal(odd.Values, d.odd.Values)
	d.odd = odd
	if same || odd.Count == 0 {
		return
	}
	d.log.Warn(sayOddText,
		"count", odd.Count, "process_ids", odd.Values)
}
