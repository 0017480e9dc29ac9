// What both openid-client programs share: lines of JSON in and out, discovery, and the client's authentication.
import { createInterface } from 'node:readline'
import * as openid from 'openid-client'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

/** The next line that the test sends. */
export async function receive() {
  const { value, done } = await lines.next()
  if (done) throw new Error('the test has ended')
  return JSON.parse(value)
}

/** One line to the test. */
export function send(message) {
  process.stdout.write(JSON.stringify(message) + '\n')
}

/** A client of the server, by its discovery document; ID token signatures are verified with the published keys. */
export async function discover({ issuer, client_id, client_secret, method, private_key }) {
  return openid.discovery(
    new URL(issuer),
    client_id,
    {},
    await authentication(method, client_secret, private_key),
    { execute: [openid.allowInsecureRequests, openid.enableNonRepudiationChecks] },
  )
}

async function authentication(method, secret, jwk) {
  switch (method) {
    case 'client_secret_basic':
      return openid.ClientSecretBasic(secret)
    case 'client_secret_post':
      return openid.ClientSecretPost(secret)
    case 'client_secret_jwt':
      return openid.ClientSecretJwt(secret)
    case 'private_key_jwt':
      return openid.PrivateKeyJwt({ key: await importKey(jwk), kid: jwk.kid })
    case 'none':
      return openid.None()
    default:
      throw new Error(`no such method: ${method}`)
  }
}

function importKey(jwk) {
  return crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: jwk.crv }, false, ['sign'])
}

/** The OAuth or validation error that a step ends with, for the test to look at. */
export async function failure(step) {
  try {
    await step()
  } catch (error) {
    return { code: error.code, error: error.error, cause: error.cause?.message ?? error.message }
  }
  return null
}
