// A real OpenID Connect provider with its own sign-in and consent pages, for the tests of signing in.
// node provider.mjs PORT REDIRECT_URI: every name is an account; its groups are in the name, as in "chen.tellers".
import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { Provider } from "oidc-provider";

const [port, redirectUri, signedOutUri] = process.argv.slice(2);

function key(kid) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" };
}

function provider(kid) {
  const made = new Provider(`http://127.0.0.1:${port}`, {
    clients: [
      {
        client_id: "openhall",
        client_secret: "a secret + of the tests",
        redirect_uris: [redirectUri],
        post_logout_redirect_uris: [signedOutUri],
      },
    ],
    jwks: { keys: [key(kid)] },
    cookies: { keys: ["cookies of the tests"] },
    claims: { openid: ["sub"], profile: ["preferred_username", "groups"] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id.split(".")[0], groups: id.split(".").slice(1) }),
    }),
  });
  return made.callback();
}

let answer = provider("first");
let discoveries = 0;
let keyReads = 0;
const server = createServer((request, response) => {
  if (request.url === "/tests/rotate") {
    answer = provider("second");
    return response.end("rotated");
  }
  if (request.url === "/tests/counts") return response.end(JSON.stringify({ discoveries, keyReads }));
  if (request.url.startsWith("/.well-known/")) discoveries += 1;
  if (request.url === "/jwks") keyReads += 1;
  return answer(request, response);
});
server.listen(Number(port), "127.0.0.1", () => process.stdout.write("listening\n"));
