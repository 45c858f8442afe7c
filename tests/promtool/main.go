//go:build tools

// Package promtool pins the version of the tool that the tests of alerts and metrics run where no package has it.
package promtool

import _ "github.com/prometheus/prometheus/cmd/promtool"
