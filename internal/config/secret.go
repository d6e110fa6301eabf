package config

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

const redacted = "***"

// Secret is text that never shows itself: however it is printed, encoded or
// logged, it is "***". Only Reveal gives it away. Two secrets are equal (==)
// when their texts are.
//
// The text stands behind a handle and not in a string because fmt reaches
// into the fields of a value whose methods it may not call (an unexported
// field, a verb that does not fit); it then finds an address.
type Secret struct{ text unique.Handle[string] }

// NewSecret hides text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{unique.Make(text)}
}

// Reveal returns the text itself, for the one place that needs it.
func (s Secret) Reveal() string {
	if !s.IsSet() {
		return ""
	}
	return s.text.Value()
}

// IsSet says whether there is anything to hide.
func (s Secret) IsSet() bool { return s != Secret{} }

// Equal says whether both hide the same text.
func (s Secret) Equal(other Secret) bool { return s == other }

// Format implements fmt.Formatter, for every verb there is.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String implements fmt.Stringer.
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer, for %#v.
func (s Secret) GoString() string { return redacted }

// MarshalText implements encoding.TextMarshaler, for JSON and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
