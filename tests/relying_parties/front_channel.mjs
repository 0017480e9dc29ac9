// A relying party of every flow that brings more than a code in the query: implicit, hybrid, FAPI 1's detached
// signature, form_post and JARM. It checks the answer, forged ones too, and reports what it got.
import * as openid from 'openid-client'
import { discover, failure, receive, send } from './client.mjs'

const settings = await receive()
const config = await discover(settings)
for (const name of settings.use) openid[name](config)
if (settings.decryption_key) {
  const jwk = settings.decryption_key
  const key = await crypto.subtle.importKey('jwk', jwk, { name: 'ECDH', namedCurve: jwk.crv }, false, ['deriveBits'])
  openid.enableDecryptingResponses(config, ['A256GCM', 'A128CBC-HS256'], { key, kid: jwk.kid })
}

const pkceCodeVerifier = openid.randomPKCECodeVerifier()
const expectedState = openid.randomState()
const expectedNonce = openid.randomNonce()
const parameters = { redirect_uri: settings.redirect_uri, scope: 'openid email', state: expectedState, nonce: expectedNonce }
if (settings.response_mode) parameters.response_mode = settings.response_mode
if (settings.with_code) {
  parameters.code_challenge = await openid.calculatePKCECodeChallenge(pkceCodeVerifier)
  parameters.code_challenge_method = 'S256'
}
send({ url: openid.buildAuthorizationUrl(config, parameters).href })

const { callback, body } = await receive()

/** The answer as it came: a new one each time, because the body of a request can be read once. */
function answer() {
  if (!body) return new URL(callback)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return new Request(settings.redirect_uri, { method: 'POST', headers, body: new URLSearchParams(body) })
}

async function finish(nonce, state) {
  if (!settings.with_code) {
    return { claims: await openid.implicitAuthentication(config, answer(), nonce, { expectedState: state }) }
  }
  const checks = { pkceCodeVerifier, expectedNonce: nonce, expectedState: state }
  const tokens = await openid.authorizationCodeGrant(config, answer(), checks)
  return { claims: tokens.claims(), access_token: tokens.access_token }
}

const wrong_state = await failure(() => finish(expectedNonce, 'another'))
const { claims, access_token } = await finish(expectedNonce, expectedState)
const userinfo = access_token ? await openid.fetchUserInfo(config, access_token, claims.sub) : null
send({ claims, userinfo, wrong_state })
process.exit(0)
