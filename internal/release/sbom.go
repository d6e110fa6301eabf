package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// The document has the form of CycloneDX 1.5
// (https://cyclonedx.org/docs/1.5/json/), as far as it is needed here.
type bom struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Licences   []choice   `json:"licenses,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type choice struct {
	Licence struct {
		ID string `json:"id"`
	} `json:"license"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// source is what a program was built from.
type source struct{ Version, Commit string }

// writeSBOM lists the parts of a program and what it was built from, which Go's
// record in the program does not have (-trimpath, -buildvcs=false). It has no
// serial number, which would have to be random: the same program has the same
// list.
func writeSBOM(out io.Writer, program string, from source, at time.Time) error {
	all, goVersion, err := modules(program)
	if err != nil {
		return err
	}
	b := bom{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: metadata{
		Timestamp: at.Format(time.RFC3339),
		Component: component{
			Type: "application", Ref: "monitor_service", Name: "monitor_service", Version: from.Version,
			Properties: []property{{"git:commit", from.Commit}, {"go:version", goVersion}},
		},
	}}
	for _, m := range all {
		c := component{
			Type: "library", Name: m.Path, Version: m.Version,
			Ref:  m.Path + "@" + m.Version,
			PURL: fmt.Sprintf("pkg:golang/%s@%s", m.Path, strings.ReplaceAll(m.Version, "+", "%2B")),
		}
		c.Licences = make([]choice, 1)
		c.Licences[0].Licence.ID = m.Licence
		if m.Sum != "" {
			c.Properties = []property{{"go:sum", m.Sum}}
		}
		b.Components = append(b.Components, c)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(b)
}

// writeLicences writes the licences that are to go with the program.
func writeLicences(out io.Writer, program string) error {
	all, _, err := modules(program)
	if err != nil {
		return err
	}
	for _, m := range all {
		if _, err := fmt.Fprintf(out, "=== %s %s (%s)\n\n%s\n\n", m.Path, m.Version, m.Licence, strings.TrimSpace(m.Text)); err != nil {
			return err
		}
	}
	return nil
}
