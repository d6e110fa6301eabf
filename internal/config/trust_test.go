package config

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeInfo is a file as stat describes it.
type fakeInfo struct {
	mode     fs.FileMode
	uid, gid uint32
}

func (f fakeInfo) Name() string       { return "x" }
func (f fakeInfo) Size() int64        { return 0 }
func (f fakeInfo) Mode() fs.FileMode  { return f.mode }
func (f fakeInfo) ModTime() time.Time { return time.Time{} }
func (f fakeInfo) IsDir() bool        { return f.mode.IsDir() }
func (f fakeInfo) Sys() any           { return &syscall.Stat_t{Uid: f.uid, Gid: f.gid} }

func TestWhoMayWriteTheConfiguration(t *testing.T) {
	const dir, link = fs.ModeDir, fs.ModeSymlink
	for name, c := range map[string]struct {
		info fakeInfo
		// root and user are a part of the problem that root and user 1000,
		// whose private group is 1001, are told; empty where it is fine.
		root, user string
	}{
		"root's file":              {fakeInfo{mode: 0o644}, "", ""},
		"root's group may write":   {fakeInfo{mode: 0o664}, "", ""},
		"another group may read":   {fakeInfo{mode: 0o640, gid: 50}, "", ""},
		"another group may write":  {fakeInfo{mode: 0o660, gid: 50}, `group 50 can write "/x" and so change what runs as root: run chmod g-w "/x"`, "as user 1000: run chmod g-w"},
		"all may write":            {fakeInfo{mode: 0o602}, `every user can write "/x"`, `every user can write "/x"`},
		"all may write, said once": {fakeInfo{mode: 0o666, gid: 50}, `chmod go-w "/x"`, `chmod go-w "/x"`},
		"somebody's file": {
			fakeInfo{mode: 0o600, uid: 7},
			`belongs to user 7, who can change what runs as root: run chown root "/x"`,
			`belongs to user 7, who can change what runs as user 1000: run chown root "/x"`,
		},
		"the user's file":                        {fakeInfo{mode: 0o600, uid: 1000}, "belongs to user 1000", ""},
		"the user's and the private group's":     {fakeInfo{mode: 0o664, uid: 1000, gid: 1001}, "belongs to user 1000", ""},
		"the user's and a group of others":       {fakeInfo{mode: 0o664, uid: 1000, gid: 100}, "belongs to user 1000", "group 100 can write"},
		"the user's, for all":                    {fakeInfo{mode: 0o666, uid: 1000, gid: 1001}, "belongs to user 1000", "every user can write"},
		"root's, and given to the private group": {fakeInfo{mode: 0o660, gid: 1001}, "group 1001 can write", "group 1001 can write"},
		"root's directory":                       {fakeInfo{mode: dir | 0o755}, "", ""},
		"the user's directory":                   {fakeInfo{mode: dir | 0o775, uid: 1000, gid: 1001}, "belongs to user 1000", ""},
		"a directory of all":                     {fakeInfo{mode: dir | 0o777}, "every user can write", "every user can write"},
		"a directory of a group":                 {fakeInfo{mode: dir | 0o775, gid: 50}, "group 50 can write", "group 50 can write"},
		"a directory such as /tmp":               {fakeInfo{mode: dir | fs.ModeSticky | 0o777}, "", ""},
		"somebody's directory, sticky":           {fakeInfo{mode: dir | fs.ModeSticky | 0o777, uid: 7}, "belongs to user 7", "belongs to user 7"},
		"a sticky file is an open file":          {fakeInfo{mode: fs.ModeSticky | 0o666}, "every user can write", "every user can write"},
		"root's link":                            {fakeInfo{mode: link | 0o777}, "", ""},
		"somebody's link":                        {fakeInfo{mode: link | 0o777, uid: 7}, `chown -h root "/x"`, `chown -h root "/x"`},
		"the user's link":                        {fakeInfo{mode: link | 0o777, uid: 1000, gid: 100}, `chown -h root "/x"`, ""},
		"somebody's directory, not theirs":       {fakeInfo{mode: dir | 0o555, uid: 7}, "belongs to user 7", "belongs to user 7"},
	} {
		for r, want := range map[reader]string{{}: c.root, {uid: 1000, group: 1001}: c.user} {
			problems := r.distrusts([]step{{"/x", c.info}})
			got := strings.Join(problems, "\n")
			if (want == "") != (got == "") || !strings.Contains(got, want) || len(problems) > 1 {
				t.Errorf("%s, %s: %q, want %q", name, r, got, want)
			}
		}
	}
	if problems := (reader{}).distrusts([]step{{"/", fakeInfo{mode: dir | 0o777}}, {"/x", fakeInfo{mode: 0o666}}}); len(problems) != 2 {
		t.Errorf("not every step is looked at: %q", problems)
	}
	if problems := (reader{uid: 1000}).distrusts([]step{{"/x", fakeInfo{mode: 0o664, uid: 1000, gid: 1001}}}); len(problems) != 1 {
		t.Errorf("a group that is nobody's own is trusted: %q", problems)
	}
}

func TestAPrivateGroupHasTheUsersNameAndNobodyElse(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/sh\n+::::::\nbroken\nann:x:1000:1001:Ann:/home/ann:/bin/sh\nbob:x:1002:100::/home/bob:/bin/sh\n"
	const group = "root:x:0:\nusers:x:100:ann,bob\nann:x:1001:\n"
	for name, c := range map[string]struct {
		passwd, group string
		uid, want     uint32
	}{
		"private":                      {passwd, group, 1000, 1001},
		"with its own user as member":  {passwd, "ann:x:1001:ann\n", 1000, 1001},
		"without a line's end":         {passwd, "ann:x:1001:", 1000, 1001},
		"a group of many":              {passwd, group, 1002, 0},
		"root's":                       {passwd, group, 0, 0},
		"unknown":                      {passwd, group, 7, 0},
		"with a member":                {passwd, "ann:x:1001:bob\n", 1000, 0},
		"with members, one is itself":  {passwd, "ann:x:1001:ann,bob\n", 1000, 0},
		"of another name":              {passwd, "staff:x:1001:\n", 1000, 0},
		"of two names":                 {passwd, group + "staff:x:1001:bob\n", 1000, 0},
		"somebody else's as well":      {passwd + "eve:x:1003:1001::/:/bin/sh\n", group, 1000, 0},
		"not in the file":              {passwd, "root:x:0:\n", 1000, 0},
		"without the file of groups":   {passwd, "", 1000, 0},
		"without the file of accounts": {"", group, 1000, 0},
		"of a wrong number":            {"ann:x:1000:x:::\n", "ann:x:x:\n", 1000, 0},
	} {
		if got := privateGroup(c.uid, c.passwd, c.group); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
