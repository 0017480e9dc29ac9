// A relying party that pushes its request, signs it, proves a DPoP key and wants signed answers, as the test says.
import * as openid from 'openid-client'
import { discover, receive, send } from './client.mjs'

const settings = await receive()
const config = await discover(settings)
const { subtle } = globalThis.crypto

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
const options = settings.dpop
  ? { DPoP: openid.getDPoPHandle(config, await subtle.generateKey(algorithm, false, ['sign', 'verify'])) }
  : {}
if (settings.jarm) openid.useJwtResponseMode(config)

const checks = {
  pkceCodeVerifier: openid.randomPKCECodeVerifier(),
  expectedState: openid.randomState(),
  expectedNonce: openid.randomNonce(),
}
let parameters = new URLSearchParams({
  redirect_uri: settings.redirect_uri,
  scope: 'openid email',
  state: checks.expectedState,
  nonce: checks.expectedNonce,
  code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
  code_challenge_method: 'S256',
})
if (settings.signs) {
  const { kid, ...jwk } = settings.private_key
  const key = await subtle.importKey('jwk', { ...jwk, kid }, algorithm, false, ['sign'])
  const signed = await openid.buildAuthorizationUrlWithJAR(config, parameters, { key, kid })
  parameters = signed.searchParams
  if (!settings.pushes) send({ url: signed.href })
}
if (settings.pushes) send({ url: (await openid.buildAuthorizationUrlWithPAR(config, parameters, options)).href })

const callback = new URL((await receive()).callback)
const tokens = await openid.authorizationCodeGrant(config, callback, checks, undefined, options)
const claims = tokens.claims()
const userinfo = await openid.fetchUserInfo(config, tokens.access_token, claims.sub, options)
send({ type: tokens.token_type, claims, userinfo, answer: [...callback.searchParams.keys()] })
