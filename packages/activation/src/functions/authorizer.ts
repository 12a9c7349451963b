import { createHash, timingSafeEqual } from "node:crypto";

export interface AuthorizerEvent {
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** A REQUEST authorizer with simple responses: the bearer token must be the secret's value. */
export function makeAuthorizer(
  token: () => Promise<string>,
): (event: AuthorizerEvent) => Promise<{ readonly isAuthorized: boolean }> {
  return async ({ headers = {} }) => {
    const header = Object.entries(headers).find(([name]) => name.toLowerCase() === "authorization")?.[1] ?? "";
    const given = /^Bearer +(\S+)$/i.exec(header)?.[1];
    return { isAuthorized: given !== undefined && same(given, await token()) };
  };
}

/** Compares in a time that tells neither the content nor the length. */
function same(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
