// Debian 12 has Node.js 18, where the Web Crypto that openid-client calls is there but not yet global.
// Every client is started as `node --import ./web_crypto.mjs CLIENT.mjs`.
import { webcrypto } from 'node:crypto'

globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey
