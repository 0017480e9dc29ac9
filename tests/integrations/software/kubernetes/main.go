// What the API server makes of an ID token: the user as JSON, or why there is none.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/plugin/pkg/authenticator/token/oidc"
)

func main() {
	issuer, clientID, prefix, authorityFile, token := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	authority, err := dynamiccertificates.NewDynamicCAContentFromFile("issuer", authorityFile)
	check(err)
	none := ""
	verifier, err := oidc.New(context.Background(), oidc.Options{
		JWTAuthenticator: apiserver.JWTAuthenticator{
			Issuer: apiserver.Issuer{URL: issuer, Audiences: []string{clientID}},
			ClaimMappings: apiserver.ClaimMappings{
				Username: apiserver.PrefixedClaimOrExpression{Claim: "email", Prefix: &none},
				Groups:   apiserver.PrefixedClaimOrExpression{Claim: "groups", Prefix: &prefix},
			},
		},
		CAContentProvider:    authority,
		SupportedSigningAlgs: []string{"RS256"},
	})
	check(err)
	for verifier.HealthCheck() != nil {
		time.Sleep(50 * time.Millisecond)
	}
	response, known, err := verifier.AuthenticateToken(context.Background(), token)
	check(err)
	if !known {
		check(fmt.Errorf("not a token of this issuer"))
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"name": response.User.GetName(), "groups": response.User.GetGroups(),
	}))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
