// A relying party: sends the authorization URL, receives the browser's way back, and reports what it got.
import * as openid from 'openid-client'
import { discover, failure, receive, send } from './client.mjs'

const settings = await receive()
const config = await discover(settings)

const checks = {
  pkceCodeVerifier: openid.randomPKCECodeVerifier(),
  expectedState: openid.randomState(),
  expectedNonce: openid.randomNonce(),
  maxAge: 600,
}
const url = openid.buildAuthorizationUrl(config, {
  redirect_uri: settings.redirect_uri,
  scope: 'openid profile email offline_access',
  prompt: 'consent',
  max_age: '600',
  state: checks.expectedState,
  nonce: checks.expectedNonce,
  code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
  code_challenge_method: 'S256',
})
send({ url: url.href })

const callback = new URL((await receive()).callback)
const refused = {}
for (const [name, value] of [['iss', 'https://attacker.example'], ['iss', null], ['state', 'another']]) {
  const forged = new URL(callback)
  forged.searchParams.delete(name)
  if (value !== null) forged.searchParams.set(name, value)
  refused[`${name}=${value}`] = await failure(() => openid.authorizationCodeGrant(config, forged, checks))
}

const tokens = await openid.authorizationCodeGrant(config, callback, checks)
const claims = tokens.claims()
const userinfo = await openid.fetchUserInfo(config, tokens.access_token, claims.sub)
const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token)

let introspected = null
let afterwards = null
if (settings.method !== 'none') introspected = await openid.tokenIntrospection(config, refreshed.access_token)
await openid.tokenRevocation(config, refreshed.refresh_token)
if (settings.method !== 'none') afterwards = await openid.tokenIntrospection(config, refreshed.access_token)
const used = await failure(() => openid.refreshTokenGrant(config, refreshed.refresh_token))

send({
  refused,
  claims,
  userinfo,
  rotated: refreshed.refresh_token !== tokens.refresh_token,
  refreshed_subject: refreshed.claims()?.sub,
  introspected,
  afterwards,
  used,
})
process.exit(0)
