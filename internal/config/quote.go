package config

import "strings"

// valueEnd returns where the text after "=" ends and its comment begins, or
// says why that cannot be told.
func valueEnd(text string, command bool) (int, string) {
	if command {
		return commandEnd(text)
	}
	start := len(text) - len(strings.TrimLeft(text, " \t"))
	if start < len(text) && isQuote(text[start]) {
		return quotedEnd(text, start)
	}
	end := len(text)
	for i := 1; i < len(text); i++ {
		if (text[i] == '#' || text[i] == ';') && isBlank(text[i-1]) {
			end = i
			break
		}
	}
	if end == len(text) {
		return end, ""
	}
	// An apostrophe is an ordinary character. Only where the comment's sign
	// stands between two quotes can both readings be meant.
	for _, quote := range []string{`"`, `'`} {
		if strings.Count(text[:end], quote)%2 == 1 && strings.Contains(text[end:], quote) {
			return end, "it is not clear whether the # or ; between the quotes begins a comment: " +
				"put the whole value in quotes, or the comment on a line of its own"
		}
	}
	return end, ""
}

// quotedEnd is valueEnd for a value that begins with a quote.
func quotedEnd(text string, start int) (int, string) {
	length := strings.IndexByte(text[start+1:], text[start])
	if length < 0 {
		return len(text), "the quote is not closed; a value that begins with a quote goes into quotes of the other kind"
	}
	end := start + 1 + length + 1
	rest := strings.TrimLeft(text[end:], " \t")
	if rest != "" && rest[0] != '#' && rest[0] != ';' {
		return len(text), "there is text after the closing quote; a value with quotes in it goes into quotes of the other kind"
	}
	return end, ""
}

// commandEnd is valueEnd for a command. It follows the shell's quotes, also
// into $(…), ${…} and `…`, and ends the command at the first unquoted # after
// a blank. The shell decides what the command means; here it is enough to find
// its end and never to guess.
func commandEnd(text string) (int, string) {
	var open []byte // what closes the constructs that are open
	top := func() byte {
		if len(open) == 0 {
			return 0
		}
		return open[len(open)-1]
	}
	pop := func() { open = open[:len(open)-1] }
	wordBegins := false // the character before was a blank, and none with a \ before it
	for i := 0; i < len(text); i++ {
		c := text[i]
		begins := wordBegins
		wordBegins = isBlank(c)
		switch {
		case top() == '\'':
			if c == '\'' {
				pop()
			}
		case c == '\\':
			i++ // the next character stands for itself
		case len(open) > 0 && c == top():
			pop()
		case c == '$' && i+1 < len(text) && (text[i+1] == '(' || text[i+1] == '{'):
			i++
			open = append(open, map[byte]byte{'(': ')', '{': '}'}[text[i]])
		case c == '"', c == '`', c == '\'' && top() != '"':
			open = append(open, c)
		case c == '(' && top() == ')':
			open = append(open, ')')
		case c == '#' && begins && top() == 0:
			return i, ""
		case c == '#' && begins && (top() == ')' || top() == '`'):
			return i, "it is not clear whether the # inside $(…) or `…` begins a comment: put it in quotes"
		}
	}
	switch top() {
	case 0:
		return len(text), ""
	case '"', '\'':
		return len(text), "a quote in the command is not closed"
	}
	return len(text), "a $(…), ${…} or `…` in the command is not closed"
}

// unquote takes the quotes off that stand around a whole value.
func unquote(raw string) (value string, quoted bool) {
	if len(raw) >= 2 && isQuote(raw[0]) && raw[len(raw)-1] == raw[0] {
		return raw[1 : len(raw)-1], true
	}
	return raw, false
}

func isQuote(c byte) bool { return c == '"' || c == '\'' }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
