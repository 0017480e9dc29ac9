// A relying party whose tokens are bound to a key of its own: code flow, userinfo and refresh with DPoP.
import * as openid from 'openid-client'
import { discover, failure, receive, send } from './client.mjs'

const settings = await receive()
const config = await discover(settings)
const DPoP = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'))

const pkceCodeVerifier = openid.randomPKCECodeVerifier()
const url = openid.buildAuthorizationUrl(config, {
  redirect_uri: settings.redirect_uri,
  scope: 'openid email offline_access',
  prompt: 'consent',
  code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  dpop_jkt: await DPoP.calculateThumbprint(),
})
send({ url: url.href })

const callback = new URL((await receive()).callback)
const tokens = await openid.authorizationCodeGrant(config, callback, { pkceCodeVerifier }, undefined, { DPoP })
const subject = tokens.claims().sub
const userinfo = await openid.fetchUserInfo(config, tokens.access_token, subject, { DPoP })
const without = await failure(() => openid.fetchUserInfo(config, tokens.access_token, subject))

const other = openid.getDPoPHandle(config, await openid.randomDPoPKeyPair('ES256'))
const other_key = await failure(async () => {
  const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP: other })
  tokens.refresh_token = refreshed.refresh_token
})
const refreshed = await openid.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
await openid.fetchUserInfo(config, refreshed.access_token, subject, { DPoP })

send({
  token_type: tokens.token_type,
  refreshed_type: refreshed.token_type,
  subject,
  email: userinfo.email,
  without,
  other_key,
})
process.exit(0)
