package config

import (
	"strings"
	"testing"
)

func TestCommentsAndQuotesOfValues(t *testing.T) {
	for text, want := range map[string]string{
		` plain`:                          `plain`,
		` a # b`:                          `a`,
		` a ; b`:                          `a`,
		"\ta\t# b":                        `a`,
		` a#b;c`:                          `a#b;c`,
		`#a`:                              `#a`,
		` # a`:                            ``,
		` ;`:                              ``,
		` "a # b" # c`:                    `a # b`,
		` 'a ; b' ; c`:                    `a ; b`,
		` "a"`:                            `a`,
		` " a "`:                          ` a `,
		` ""`:                             ``,
		` "it's"`:                         `it's`,
		` '"'`:                            `"`,
		` it's`:                           `it's`,
		` it's # ours`:                    `it's`,
		` pa"ss`:                          `pa"ss`,
		` a=b=c`:                          `a=b=c`,
		` %(user)s`:                       `%(user)s`,
		` a\`:                             `a\`,
		` db # it's bob's`:                `db`,
		` a "b" # c "d"`:                  `a "b"`,
		" a\u00a0# not after a blank ; x": "a\u00a0# not after a blank",
	} {
		end, problem := valueEnd(text, false)
		got, _ := unquote(strings.TrimSpace(text[:end]))
		if problem != "" || got != want {
			t.Errorf("%q is %q (%s), want %q", text, got, problem, want)
		}
	}
	for _, text := range []string{` "a`, ` 'a # b`, ` "a" b`, ` "a"b # c`, ` "a"b"`, ` it's # bob's`, ` say "a # b" now`} {
		if end, problem := valueEnd(text, false); problem == "" {
			t.Errorf("%q was taken for %q", text, text[:end])
		}
	}
}

func TestCommentsAndQuotesOfCommands(t *testing.T) {
	for text, want := range map[string]string{
		` a ; b`:                          `a ; b`,
		` a; b # c`:                       `a; b`,
		` a # it's`:                       `a`,
		` "a b"`:                          `"a b"`,
		` "a" "b"`:                        `"a" "b"`,
		` echo "a # b" '# c' # d`:         `echo "a # b" '# c'`,
		` echo a\ # b`:                    `echo a\ # b`,
		` echo \"a # b`:                   `echo \"a`,
		` echo "\" # a" # b`:              `echo "\" # a"`,
		` echo '\' # b`:                   `echo '\'`,
		` echo $# a#b ${a#b} ${#a}`:       `echo $# a#b ${a#b} ${#a}`,
		` echo "$(echo "a # b")" # c`:     `echo "$(echo "a # b")"`,
		` echo "${x:-"a # b"}" # c`:       `echo "${x:-"a # b"}"`,
		` echo "$((1 + (2)))" # c`:        `echo "$((1 + (2)))"`,
		` test $(pgrep -c '^a # b') # c`:  `test $(pgrep -c '^a # b')`,
		" echo \"`echo '# a'`\" # c":      "echo \"`echo '# a'`\"",
		` case a in a) true ;; esac # b`:  `case a in a) true ;; esac`,
		` curl http://x/?a=b&c=d#e`:       `curl http://x/?a=b&c=d#e`,
		` # nothing`:                      ``,
		` awk '{print $1}' f | grep -q x`: `awk '{print $1}' f | grep -q x`,
	} {
		end, problem := valueEnd(text, true)
		if got := strings.TrimSpace(text[:end]); problem != "" || got != want {
			t.Errorf("%q is %q (%s), want %q", text, got, problem, want)
		}
	}
	for _, text := range []string{` echo "a`, ` echo it's`, ` echo "it's # a`, ` echo $(a`, ` echo ${a`, " echo `a", ` x $(a # b)`, " x `a # b`"} {
		if end, problem := valueEnd(text, true); problem == "" {
			t.Errorf("%q was taken for %q", text, text[:end])
		}
	}
}
