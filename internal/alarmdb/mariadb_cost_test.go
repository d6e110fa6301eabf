//go:build integration

package alarmdb

import (
	"testing"

	"monitor_service/internal/config"
	"monitor_service/internal/testenv/mariadb"
)

func TestAPollOfMariaDBAllocatesLittleForEachRow(t *testing.T) {
	if each := allocationsOfARow(t, newMariaDBSite(t, mariadb.Start(t), Schema(config.DriverMySQL))); each > 6.5 {
		t.Errorf("a poll allocates %.2f times for each row", each)
	}
}
