// An OpenID provider whose access tokens are JWTs for the audience "wsproxy". It prints "script: " and
// its issuer when it listens; lines without that prefix come from the library. A line on its standard
// input makes it sign with a new key from then on, and remove the previous one; it prints "script: rotated" then.
//
//   NODE_PATH=folder node provider.mjs CLIENT SECRET SECONDS

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [client, secret, seconds] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(join(process.env.NODE_PATH, 'oidc-provider/lib/index.js')));

let serve;
const server = createServer((request, response) => serve(request, response));
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;

function key() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

function provider() {
  return new Provider(issuer, {
    clients: [{
      client_id: client, client_secret: secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
    }],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:wsproxy',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'read', audience: 'wsproxy', accessTokenFormat: 'jwt', accessTokenTTL: Number(seconds),
        }),
      },
    },
    extraTokenClaims: () => ({ groups: ['ops'] }),
    jwks: { keys: [key()] },
    cookies: { keys: [randomUUID()] },
  }).callback();
}

serve = provider();
console.log(`script: ${issuer}`);
for await (const _ of createInterface({ input: process.stdin })) {
  serve = provider();
  console.log('script: rotated');
}
server.close();
