import { createHash } from "node:crypto";
import { type Principal, rootPrincipal } from "./types";

/** What an AWS SDK signs with. Locally the access key id alone names the caller; signatures are not checked. */
export interface IssuedCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** The access key of the user at the command line; `local` with secret `local` is the same user. */
export const rootAccessKeyId = "LKIAROOT";
const localAccessKeyId = "local";

/**
 * Which principal an access key id stands for, so that a request of an unmodified AWS SDK acts with the rights of the
 * function that makes it. Key ids are derived from the principal, so one principal keeps one key over restarts.
 */
export class Credentials {
  private readonly principals = new Map<string, Principal>([
    [rootAccessKeyId, rootPrincipal],
    [localAccessKeyId, rootPrincipal],
  ]);

  issue(principal: Principal): IssuedCredentials {
    const digest = createHash("sha256").update(JSON.stringify(principal)).digest("hex");
    const accessKeyId = `LKIA${digest.slice(0, 16).toUpperCase()}`;
    this.principals.set(accessKeyId, principal);
    return { accessKeyId, secretAccessKey: digest.slice(16, 56), sessionToken: `local-session-${digest.slice(56)}` };
  }

  /** Undefined for a key that was never issued: refuse it with `UnrecognizedClientException`. */
  resolve(accessKeyId: string): Principal | undefined {
    return this.principals.get(accessKeyId);
  }
}
