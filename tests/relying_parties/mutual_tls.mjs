// A service with a certificate: it finds the mTLS aliases, gets a token bound to the certificate, and asks about it.
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import * as openid from 'openid-client'
import { receive, send } from './client.mjs'

const { issuer, client_id, ca, cert, key } = await receive()
const tls = { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) }
const asked = []

/** Node's own fetch cannot show a certificate, so requests go by node:https. */
function fetchWithCertificate(url, { method, headers, body }) {
  asked.push(url)
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: Object.fromEntries(new Headers(headers)), ...tls }, (answer) => {
      const pieces = []
      answer.on('data', (piece) => pieces.push(piece))
      answer.on('end', () => {
        resolve(new Response(Buffer.concat(pieces), { status: answer.statusCode, headers: answer.headers }))
      })
    })
    sent.on('error', reject)
    sent.end(body?.toString())
  })
}

const config = await openid.discovery(
  new URL(issuer),
  client_id,
  { use_mtls_endpoint_aliases: true },
  openid.TlsClientAuth(),
  { [openid.customFetch]: fetchWithCertificate },
)
const tokens = await openid.clientCredentialsGrant(config)
const introspected = await openid.tokenIntrospection(config, tokens.access_token)
await openid.tokenRevocation(config, tokens.access_token)
const afterwards = await openid.tokenIntrospection(config, tokens.access_token)
send({ asked, introspected, afterwards })
process.exit(0)
