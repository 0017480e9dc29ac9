// A relying party that expects another nonce than the one it sent: it must be able to tell the ID token is not its own.
import * as openid from 'openid-client'
import { discover, failure, receive, send } from './client.mjs'

const settings = await receive()
const config = await discover(settings)
const pkceCodeVerifier = openid.randomPKCECodeVerifier()
const url = openid.buildAuthorizationUrl(config, {
  redirect_uri: settings.redirect_uri,
  scope: 'openid',
  nonce: openid.randomNonce(),
  code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
})
send({ url: url.href })

const callback = new URL((await receive()).callback)
const checks = { pkceCodeVerifier, expectedNonce: 'another' }
send(await failure(() => openid.authorizationCodeGrant(config, callback, checks)))
process.exit(0)
