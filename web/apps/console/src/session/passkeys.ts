/**
 * Asks the browser for a passkey, or to make one. A person who changes their mind, or whose device does, is no failure:
 * the answer is undefined then.
 */
import type { BrowserWish, Credential } from "../api/peopleViews";

const LOOPBACK = /^(127\.[0-9.]+|\[::1\])$/;

/** Whether this browser can, at this address. */
export function hasPasskeys(): boolean {
  return typeof PublicKeyCredential === "function" && "parseRequestOptionsFromJSON" in PublicKeyCredential && placeOfPasskeys(location) === undefined;
}

/** Passkeys belong to a name: a page of this machine opened by a number has them at `localhost`, whose address this is. */
export function placeOfPasskeys(here: Pick<Location, "hostname" | "href">): string | undefined {
  if (!LOOPBACK.test(here.hostname)) return undefined;
  const there = new URL(here.href);
  there.hostname = "localhost";
  return there.href;
}

export async function askPasskey({ options }: BrowserWish): Promise<Credential | undefined> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON);
  return answerOf(() => navigator.credentials.get({ publicKey }));
}

export async function makePasskey({ options }: BrowserWish): Promise<Credential | undefined> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON);
  return answerOf(() => navigator.credentials.create({ publicKey }));
}

async function answerOf(ask: () => Promise<globalThis.Credential | null>): Promise<Credential | undefined> {
  try {
    const answer = await ask();
    return answer instanceof PublicKeyCredential ? (answer.toJSON() as Credential) : undefined;
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}
