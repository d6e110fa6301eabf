package alarmdb

import "monitor_service/internal/config"

// Schema is the SQL that makes the two tables where they are missing. It may
// be run again and again, and changes no table that is there. The index keeps
// a poll from reading every row.
func Schema(d config.Driver) string {
	switch d {
	case config.DriverMySQL:
		return mysqlSchema
	case config.DriverSQLite:
		return sqliteSchema
	case config.DriverUnknown:
	}
	return ""
}

// mysqlSchema has the index in the table: to add one only where it is missing
// is a statement that MySQL does not know.
const mysqlSchema = `-- To tables that are there without the index it is added by:
-- ` + AlarmIndex + `;

CREATE TABLE IF NOT EXISTS PROCESE (
    process_id   INT NOT NULL PRIMARY KEY,
    process_name VARCHAR(255)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS STATUS_PROCESS (
    process_id INT NOT NULL PRIMARY KEY,
    alarma     TINYINT,
    sound      TINYINT,
    notes      TEXT,
    KEY STATUS_PROCESS_alarm (alarma, sound),
    CONSTRAINT STATUS_PROCESS_process FOREIGN KEY (process_id) REFERENCES PROCESE (process_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4;
`

const sqliteSchema = `CREATE TABLE IF NOT EXISTS PROCESE (
    process_id   INTEGER PRIMARY KEY,
    process_name VARCHAR(255)
);

CREATE TABLE IF NOT EXISTS STATUS_PROCESS (
    process_id INTEGER PRIMARY KEY REFERENCES PROCESE (process_id),
    alarma     TINYINT,
    sound      TINYINT,
    notes      TEXT
);

CREATE INDEX IF NOT EXISTS STATUS_PROCESS_alarm ON STATUS_PROCESS (alarma, sound);
`
