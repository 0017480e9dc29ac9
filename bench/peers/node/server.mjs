// node-oidc-provider as a peer of the benchmark. From the environment: PORT; DATABASE_URL, without which it keeps
// everything in memory, as it does by default; FAPI2_JWKS, the keys of a FAPI 2 client, which makes it a server for
// that client alone; REQUIRE_NONCE (yes: DPoP proofs need a nonce). The client of the plain server is bench, its
// secret CLIENT_SECRET.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const { PORT, DATABASE_URL, FAPI2_JWKS, REQUIRE_NONCE, CLIENT_SECRET } = process.env;
const API = 'urn:bench:api';
const HOUR = 3600;

const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });

const anyClient = {
  client_id: 'bench',
  redirect_uris: ['https://rp.example/cb'],
  response_types: ['code'],
  id_token_signed_response_alg: 'ES256',
};

const plain = {
  clients: [{
    ...anyClient,
    client_secret: CLIENT_SECRET,
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  }],
  clientAuthMethods: ['client_secret_basic'],
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    // A request that names the API gets a JWT, any other an opaque token.
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      useGrantedResource: () => false,
      getResourceServerInfo: () => ({
        audience: API, scope: 'api', accessTokenTTL: HOUR, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
};

const fapi2 = () => ({
  clients: [{
    ...anyClient,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: JSON.parse(FAPI2_JWKS),
    grant_types: ['authorization_code', 'refresh_token'],
    require_pushed_authorization_requests: true,
    dpop_bound_access_tokens: true,
  }],
  clientAuthMethods: ['private_key_jwt'],
  rotateRefreshToken: false, // FAPI 2 Security Profile §5.3.2.1
  features: {
    devInteractions: { enabled: false },
    fapi: { enabled: true, profile: '2.0' },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => REQUIRE_NONCE === 'yes' },
    pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: true },
  },
});

async function storage() {
  if (!DATABASE_URL) return {};
  const { Storage, prepareStorage } = await import('./storage.mjs');
  await prepareStorage();
  return { adapter: Storage };
}

// The client is the operator's own, so nobody is asked to consent: the way that the documentation shows.
async function grantOf({ oidc: { provider, client, session } }) {
  const known = session.grantIdFor(client.clientId);
  if (known) return provider.Grant.find(known);
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
  grant.addOIDCScope('openid offline_access');
  grant.addResourceScope(API, 'api');
  await grant.save();
  return grant;
}

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  ...(FAPI2_JWKS ? fapi2() : plain),
  ...await storage(),
  jwks: { keys: [{ ...key, kid: 'first', use: 'sig', alg: 'ES256' }] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  scopes: ['openid', 'offline_access', 'api'],
  pkce: { required: () => true },
  issueRefreshToken: () => true,
  expiresWithSession: () => false,
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  loadExistingGrant: grantOf,
  interactions: { url: (_, interaction) => `/sign-in/${interaction.uid}` },
  ttl: {
    AccessToken: HOUR, ClientCredentials: HOUR, IdToken: HOUR, AuthorizationCode: 60, Interaction: 600,
    Grant: 24 * HOUR, RefreshToken: 24 * HOUR, Session: 24 * HOUR,
  },
});
for (const failing of ['server', 'grant', 'authorization', 'introspection', 'pushed_authorization_request', 'userinfo']) {
  const event = failing === 'server' ? 'server_error' : `${failing}.error`;
  provider.on(event, (_, error) => console.error(event, error.message, error.error_detail ?? ''));
}

const answer = provider.callback();
const signIn = { login: { accountId: 'alice' } };
createServer((request, response) => {
  if (!request.url.startsWith('/sign-in/')) return answer(request, response);
  // In place of a page with a password.
  return provider.interactionFinished(request, response, signIn, { mergeWithLastSubmission: false }).catch((error) => {
    console.error('sign-in', error);
    response.writeHead(500).end();
  });
}).listen(Number(PORT), '127.0.0.1');
