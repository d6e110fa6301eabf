package alarmdb

import (
	"slices"
	"testing"

	"monitor_service/internal/recovery"
)

func testAcknowledgedList(t *testing.T, s site) {
	id := 0
	var want []recovery.Row
	for _, alarma := range []any{nil, 0, 1} {
		for _, sound := range []any{nil, 0, 1} {
			id++
			s.put(id, "p", alarma, sound, "n")
			if alarma == 1 && sound == 1 {
				want = append(want, recovery.Row{ID: int64(id), Process: "p"})
			}
		}
	}
	db := s.open()
	got, err := db.Acknowledged(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i].Mark = ""
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for i := range 10 {
		s.put(100+i, "q", 1, 1, nil)
	}
	if got, err := db.Acknowledged(t.Context(), 5); err != nil || len(got) != 5 {
		t.Errorf("%d rows, limit 5, %v", len(got), err)
	}
}

func testNames(t *testing.T, s site) {
	for i, name := range []any{"nginx", "nginx", "it's", "日本", "", nil} {
		s.put(i+1, name, 0, 0, nil)
	}
	db := s.open()
	names, err := db.Names(t.Context(), 10)
	slices.Sort(names)
	if err != nil || !slices.Equal(names, []string{"it's", "nginx", "日本"}) {
		t.Errorf("%q, %v", names, err)
	}
	if names, err := db.Names(t.Context(), 2); err != nil || len(names) != 2 {
		t.Errorf("%q, limit 2, %v", names, err)
	}
	for name, want := range map[string]bool{
		"nginx": true, "it's": true, "日本": true, "NGINX": false, "nginx ": false, "ngin": false, "x' OR '1'='1": false,
	} {
		if got, err := db.HasName(t.Context(), name); err != nil || got != want {
			t.Errorf("%q: %t, %v", name, got, err)
		}
	}
}
