// openid-client registers itself (RFC 7591), signs a person in as the client that it became, and gets a token.
import * as openid from 'openid-client'
import { failure, receive, send } from './client.mjs'

const { issuer, initial_token, metadata } = await receive()
const execute = [openid.allowInsecureRequests]

const register = (initialAccessToken) =>
  openid.dynamicClientRegistration(
    new URL(issuer),
    metadata,
    metadata.token_endpoint_auth_method === 'none' ? openid.None() : undefined,
    { initialAccessToken, execute },
  )

send({ refused: await failure(() => register(undefined)) })

const config = await register(initial_token)
send({ registered: config.clientMetadata() })

const verifier = openid.randomPKCECodeVerifier()
const state = openid.randomState()
const address = openid.buildAuthorizationUrl(config, {
  redirect_uri: metadata.redirect_uris[0],
  scope: 'openid email',
  state,
  code_challenge: await openid.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
})
send({ address: address.href })
const { location } = await receive()
const tokens = await openid.authorizationCodeGrant(config, new URL(location), {
  pkceCodeVerifier: verifier,
  expectedState: state,
})
send({ claims: tokens.claims() })
