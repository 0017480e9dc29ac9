// Decodes a dashboard strictly by the types of Grafana's SDK: an unknown field or a wrong type ends it.
package main

import (
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	content, err := os.ReadFile(os.Args[1])
	if err == nil {
		var decoded dashboard.Dashboard
		if err = decoded.UnmarshalJSONStrict(content); isNothing(err) {
			err = decoded.Validate()
		}
	}
	if !isNothing(err) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The SDK returns an empty list of errors for none.
func isNothing(err error) bool {
	return err == nil || err.Error() == ""
}
