// Signs a person in at the user pool: authorization code with PKCE (RFC 7636), then the token into a cookie that only
// this origin is sent. The token endpoint is reached through this origin too, so nothing here talks to another one.
import { CLIENT_ID, SIGN_IN_HOST } from "./config.js";

const HERE = `${location.origin}/sign-in/index.html`;
const encode = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const random = () => encode(crypto.getRandomValues(new Uint8Array(32)));

async function askForCode() {
  const verifier = random();
  const state = random();
  sessionStorage.setItem("sign-in", JSON.stringify({ verifier, state }));
  const challenge = encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
  location.replace(`https://${SIGN_IN_HOST}/oauth2/authorize?` + new URLSearchParams({
    response_type: "code", client_id: CLIENT_ID, redirect_uri: HERE, scope: "openid", state,
    code_challenge: challenge, code_challenge_method: "S256",
  }));
}

async function exchange(code, state) {
  const asked = JSON.parse(sessionStorage.getItem("sign-in") ?? "{}");
  sessionStorage.removeItem("sign-in");
  if (!asked.verifier || asked.state !== state) return askForCode(); // not the answer to a question of ours
  const answer = await fetch("/oauth2/token", {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({
      grant_type: "authorization_code", client_id: CLIENT_ID, redirect_uri: HERE, code, code_verifier: asked.verifier,
    }),
  });
  if (!answer.ok) throw new Error(`the user pool answered ${answer.status}`);
  const { id_token: token } = await answer.json();
  // for this browser session; the token says itself when it ends
  document.cookie = `recovery-token=${token}; path=/; secure; samesite=strict`;
  location.replace("/");
}

const query = new URLSearchParams(location.search);
const step = query.has("code") ? exchange(query.get("code"), query.get("state")) : askForCode();
step.catch((error) => {
  document.getElementById("state").textContent = `Signing in failed: ${error.message}. Reload to try again.`;
});
