package main

import (
	"fmt"

	"github.com/itchyny/gojq"
)

// without takes away what Argo CD is told to ignore, as it does: del(EXPRESSION), with the same jq.
func without(object map[string]any, expressions []string) (any, error) {
	var left any = object
	for _, expression := range expressions {
		query, err := gojq.Parse(fmt.Sprintf("del(%s)", expression))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", expression, err)
		}
		value, found := query.Run(left).Next()
		if !found {
			return nil, fmt.Errorf("%s: nothing is left", expression)
		}
		if err, failed := value.(error); failed {
			return nil, fmt.Errorf("%s: %w", expression, err)
		}
		left = value
	}
	return left, nil
}
