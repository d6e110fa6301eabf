package config

import "log/slog"

const redacted = "***"

// Secret is text that never shows itself: however it is printed, encoded or
// logged, it is "***". Only Reveal gives it away.
type Secret struct{ text string }

// NewSecret hides text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text itself, for the one place that needs it.
func (s Secret) Reveal() string { return s.text }

// IsSet says whether there is anything to hide.
func (s Secret) IsSet() bool { return s.text != "" }

// String implements fmt.Stringer.
func (s Secret) String() string { return redacted }

// GoString implements fmt.GoStringer, for %#v.
func (s Secret) GoString() string { return redacted }

// MarshalText implements encoding.TextMarshaler, for JSON and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
