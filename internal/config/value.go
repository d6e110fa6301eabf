package config

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// rule is how the text of a value is understood.
type rule[T any] struct {
	// allowed says it to a person.
	allowed string
	// read returns an error that says what the text is not, without the
	// text itself: it may be a secret.
	read func(text string) (T, error)
}

var (
	wholeNumber   = regexp.MustCompile(`\A-?[0-9]+\z`)
	decimalNumber = regexp.MustCompile(`\A-?[0-9]+(\.[0-9]+)?\z`)
	withUnits     = regexp.MustCompile(`\A-?([0-9]+(\.[0-9]+)?(ms|s|m|h))+\z`)
	sizeWithUnit  = regexp.MustCompile(`(?i)\A(-?[0-9]+) *([KMG]?)B?\z`)
)

// duration reads a number of seconds or a text such as 500ms, 30s, 5m, 1h or
// 1h30m.
func duration(least, most time.Duration) rule[time.Duration] {
	return rule[time.Duration]{
		allowed: fmt.Sprintf("%s to %s (a number alone is seconds)", ShortDuration(least), ShortDuration(most)),
		read: func(text string) (time.Duration, error) {
			switch {
			case decimalNumber.MatchString(text):
				text += "s"
			case !withUnits.MatchString(text):
				return 0, errors.New("is not a duration")
			}
			d, err := time.ParseDuration(text)
			if err != nil { // the form is right, so that it is out of range
				d = math.MaxInt64
			}
			return d, within(d, least, most)
		},
	}
}

// ShortDuration writes a duration as an operator would: 1h, not 1h0m0s.
func ShortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	if text == "0s" {
		return "0"
	}
	return text
}

// integer reads a decimal number; zeros in front of it mean nothing.
func integer(least, most int) rule[int] {
	return rule[int]{
		allowed: fmt.Sprintf("%d to %d", least, most),
		read: func(text string) (int, error) {
			if !wholeNumber.MatchString(text) {
				return 0, errors.New("is not a whole number")
			}
			n, err := strconv.Atoi(text)
			if err != nil {
				n = math.MaxInt
				if text[0] == '-' {
					n = math.MinInt
				}
			}
			return n, within(n, least, most)
		},
	}
}

const (
	kib = int64(1) << 10
	gib = int64(1) << 30
)

// size reads a number of KB, or a number with its unit, in bytes. A KB has
// 1024 bytes, as the bash daemon counted.
func size(least, most int64) rule[int64] {
	return rule[int64]{
		allowed: fmt.Sprintf("%d KB to %d GB (a number alone is KB)", least/kib, most/gib),
		read: func(text string) (int64, error) {
			m := sizeWithUnit.FindStringSubmatch(text)
			if m == nil || (m[2] == "" && !wholeNumber.MatchString(text)) {
				return 0, errors.New("is not a size")
			}
			unit := map[string]int64{"": kib, "K": kib, "M": kib * kib, "G": gib}[strings.ToUpper(m[2])]
			n, err := strconv.ParseInt(m[1], 10, 64)
			if err != nil || n > math.MaxInt64/unit {
				n, unit = math.MaxInt64, 1
			}
			if n < 0 {
				n, unit = -1, 1
			}
			return n * unit, within(n*unit, least, most)
		},
	}
}

func within[T time.Duration | int | int64](n, least, most T) error {
	switch {
	case n < least:
		return errors.New("is below the limit")
	case n > most:
		return errors.New("is above the limit")
	}
	return nil
}

// choice is one word that a value may be.
type choice[T any] struct {
	word  string
	value T
}

// oneOf reads one of some words, in capitals or not.
func oneOf[T any](choices ...choice[T]) rule[T] {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = c.word
	}
	return rule[T]{
		allowed: strings.Join(words, ", "),
		read: func(text string) (T, error) {
			for _, c := range choices {
				if strings.EqualFold(c.word, text) {
					return c.value, nil
				}
			}
			var zero T
			if near := nearest(text, words); near != "" {
				return zero, fmt.Errorf("is not known, did you mean %s?", near)
			}
			return zero, errors.New("is not known")
		},
	}
}

// boolean reads yes or no in the usual spellings.
func boolean() rule[bool] {
	r := oneOf(
		choice[bool]{"yes", true}, choice[bool]{"no", false},
		choice[bool]{"true", true}, choice[bool]{"false", false},
		choice[bool]{"on", true}, choice[bool]{"off", false},
		choice[bool]{"1", true}, choice[bool]{"0", false},
	)
	r.allowed = "yes or no (true, false, on, off, 1, 0)"
	return r
}

// text reads any line of at most so many characters.
func text(most int) rule[string] {
	return rule[string]{
		allowed: fmt.Sprintf("a text of at most %d characters", most),
		read: func(text string) (string, error) {
			if utf8.RuneCountInString(text) > most {
				return "", errors.New("is too long")
			}
			return text, plain(text)
		},
	}
}

// shell reads a command for /bin/sh -c.
func shell() rule[string] {
	r := text(maxLine)
	r.allowed = "a command for /bin/sh -c; %s is the process's name"
	return r
}

// plain refuses what no value may hold. In the file the scanner has refused
// it already; the environment has no scanner.
func plain(text string) error {
	if !utf8.ValidString(text) {
		return errors.New("is not UTF-8")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
		return errors.New("has a control character in it")
	}
	return nil
}
