// Command verdicts says what GitOps tools make of objects: it runs Lua scripts as Argo CD does and asks the kstatus
// library that Flux and Helm use.
//
// It reads {"scripts": {NAME: LUA}, "ignore": [JQ], "objects": [OBJECT]} and prints one verdict for each object.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type request struct {
	Scripts map[string]string `json:"scripts"`
	Ignore  []string          `json:"ignore"`
	Objects []map[string]any  `json:"objects"`
}

type verdict struct {
	Kstatus string                     `json:"kstatus"`
	Message string                     `json:"message"`
	Lua     map[string]json.RawMessage `json:"lua"`
	Errors  map[string]string          `json:"errors"`
	Left    any                        `json:"left"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	var asked request
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	verdicts := make([]verdict, 0, len(asked.Objects))
	for _, object := range asked.Objects {
		computed, err := status.Compute(&unstructured.Unstructured{Object: whole(object).(map[string]any)})
		if err != nil {
			return fmt.Errorf("kstatus: %w", err)
		}
		left, err := without(object, asked.Ignore)
		if err != nil {
			return err
		}
		found := verdict{
			Kstatus: computed.Status.String(),
			Message: computed.Message,
			Lua:     map[string]json.RawMessage{},
			Errors:  map[string]string{},
			Left:    left,
		}
		for name, script := range asked.Scripts {
			returned, err := runLua(script, object)
			if err != nil {
				found.Errors[name] = err.Error()
			} else {
				found.Lua[name] = returned
			}
		}
		verdicts = append(verdicts, found)
	}
	return json.NewEncoder(out).Encode(verdicts)
}

// whole makes integers of JSON's numbers, as every client of Kubernetes has them; gojq takes floats.
func whole(from any) any {
	switch known := from.(type) {
	case float64:
		return int64(known)
	case []any:
		list := make([]any, len(known))
		for index, item := range known {
			list[index] = whole(item)
		}
		return list
	case map[string]any:
		table := make(map[string]any, len(known))
		for key, item := range known {
			table[key] = whole(item)
		}
		return table
	}
	return from
}
