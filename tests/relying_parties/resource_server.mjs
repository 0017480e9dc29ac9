// A resource server with jose: it verifies the access token of each line with the published keys.
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { receive, send } from './client.mjs'

const { issuer } = await receive()
const { token, audience, typ } = await receive()
const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
try {
  const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience, typ })
  send({ payload, typ: protectedHeader.typ })
} catch (error) {
  send({ refused: error.code, claim: error.claim })
}
process.exit(0)
