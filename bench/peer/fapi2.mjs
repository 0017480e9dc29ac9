// node-oidc-provider as a FAPI 2 provider: PAR, DPoP, private_key_jwt. Read by bench/fapi2_node.py; the adapter
// beside this file is the one of the other benchmark. PORT, CLIENT_JWKS and NONCE (yes: required) come from outside.
import http from 'node:http';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Provider } from 'oidc-provider';
import adapter from './pg_adapter.mjs';

const port = Number(process.env.PORT);
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const nonces = process.env.NONCE === 'yes';

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter,
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'k1' }] },
  clients: [{
    client_id: 'bench',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: ['https://rp.example/cb'],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: JSON.parse(process.env.CLIENT_JWKS),
    id_token_signed_response_alg: 'ES256',
    require_pushed_authorization_requests: true,
    dpop_bound_access_tokens: true,
  }],
  clientAuthMethods: ['private_key_jwt'],
  cookies: { keys: ['k'.repeat(32)] },
  scopes: ['openid', 'offline_access'],
  pkce: { required: () => true },
  rotateRefreshToken: false, // FAPI 2 Security Profile §5.3.2.1
  issueRefreshToken: async () => true,
  expiresWithSession: async () => false,
  features: {
    devInteractions: { enabled: false },
    fapi: { enabled: true, profile: '2.0' },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => nonces },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
  },
  ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 86400, IdToken: 3600, Interaction: 600, RefreshToken: 86400, Session: 86400 },
  findAccount: async (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  // The way its documentation shows to skip consent for a client of one's own.
  loadExistingGrant: async ({ oidc }) => {
    const known = oidc.session.grantIdFor(oidc.client.clientId);
    if (known) return oidc.provider.Grant.find(known);
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid offline_access');
    await grant.save();
    return grant;
  },
});
provider.on('server_error', (ctx, error) => console.error(error));
for (const name of ['grant', 'authorization', 'pushed_authorization_request', 'userinfo']) {
  provider.on(`${name}.error`, (ctx, error) => console.error(name, error.message, error.error_detail ?? error.error_description));
}

const answer = provider.callback();
http.createServer((request, response) => {
  if (request.url.startsWith('/interaction/')) { // stands in for the sign-in page
    provider.interactionFinished(request, response, { login: { accountId: 'alice' } }, { mergeWithLastSubmission: false })
      .catch((error) => { console.error(error); response.statusCode = 500; response.end(); });
    return;
  }
  answer(request, response);
}).listen(port, '127.0.0.1');
