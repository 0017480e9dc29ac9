// A service: client credentials, then introspection and revocation of the token it got.
import * as openid from 'openid-client'
import { discover, receive, send } from './client.mjs'

const settings = await receive()
const config = await discover(settings)
const tokens = await openid.clientCredentialsGrant(config, { scope: 'reports.read' })
const introspected = await openid.tokenIntrospection(config, tokens.access_token)
await openid.tokenRevocation(config, tokens.access_token)
const afterwards = await openid.tokenIntrospection(config, tokens.access_token)
send({ scope: tokens.scope, introspected, afterwards })
process.exit(0)
