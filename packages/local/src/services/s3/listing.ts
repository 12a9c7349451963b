import { z } from "zod";
import { AwsError } from "../../kernel";
import type { ObjectStore } from "./storage";
import type { ObjectRow } from "./types";

export interface ListRequest {
  readonly prefix: string;
  readonly delimiter?: string | undefined;
  /** Only what comes after this key. */
  readonly startAfter?: string | undefined;
  readonly token?: string | undefined;
  readonly maxKeys: number;
}

export interface ListPage {
  readonly contents: readonly { readonly key: string; readonly row: ObjectRow }[];
  readonly commonPrefixes: readonly string[];
  readonly nextToken?: string;
  /** The last key or common prefix of the page, which `ListObjects` V1 calls the marker. */
  readonly last?: string;
}

const tokenSchema = z.object({ after: z.string(), group: z.boolean() });
/** Sorts after every key that starts with what stands before it. */
const afterAll = "\u{10ffff}";

function readToken(token: string): z.output<typeof tokenSchema> {
  try {
    return tokenSchema.parse(JSON.parse(Buffer.from(token, "base64url").toString()));
  } catch {
    throw new AwsError("InvalidArgument", "The continuation token provided is incorrect");
  }
}

/** One page of a bucket, keys in UTF-8 order, groups counted like keys. */
export function listObjects(store: ObjectStore, bucket: string, request: ListRequest): ListPage {
  const { prefix, delimiter, maxKeys } = request;
  const token = request.token === undefined ? undefined : readToken(request.token);
  const contents: { key: string; row: ObjectRow }[] = [];
  const commonPrefixes: string[] = [];
  let group = token?.group ?? false;
  let after = token?.after ?? request.startAfter;
  if (!token && after !== undefined && delimiter) {
    const marker = groupOf(after, prefix, delimiter);
    // A marker inside a group, or the group itself, skips the whole group (V1 pages rely on it).
    if (marker === after) group = true;
  }
  if (after !== undefined && after < prefix) after = undefined;
  const end = [bucket, prefix + afterAll];
  for (;;) {
    const start = after === undefined ? [bucket, prefix] : [bucket, group ? after + afterAll : after];
    let skipTo: string | undefined;
    for (const entry of store.objects.entries({ start, end, exclusiveStart: after !== undefined && !group })) {
      const key = String((entry.key as string[])[1]);
      if (contents.length + commonPrefixes.length === maxKeys) {
        if (maxKeys === 0 || after === undefined) return { contents, commonPrefixes };
        const nextToken = Buffer.from(JSON.stringify({ after, group })).toString("base64url");
        return { contents, commonPrefixes, nextToken, last: after };
      }
      const common = delimiter ? groupOf(key, prefix, delimiter) : undefined;
      after = common ?? key;
      group = common !== undefined;
      if (common !== undefined) {
        commonPrefixes.push(common);
        skipTo = common;
        break;
      }
      contents.push({ key, row: entry.value });
    }
    if (skipTo === undefined) return { contents, commonPrefixes };
  }
}

/** The part of a key up to the first delimiter after the prefix, where there is one. */
function groupOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (!key.startsWith(prefix)) return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}
