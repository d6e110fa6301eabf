// Command monitor_service restarts processes that are in alarm in a database.
package main

import (
	"os"

	"monitor_service/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) }
