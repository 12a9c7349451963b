import { GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { dynamodb, parseEnv, s3 } from "@tributary/runtime";
import {
  type Chosen,
  chooseFiles,
  type Ledger,
  type RemoteFile,
  recordResults,
  type TransferResult,
} from "../domain/sftp-listing";
import { sftpListingEnv } from "../sftp-listing-env";

/** What the state machine of a source asks. */
type Asked =
  | { readonly do: "choose"; readonly directory: string; readonly key: string }
  | { readonly do: "record"; readonly files: readonly RemoteFile[]; readonly results: readonly TransferResult[] };

const env = parseEnv(sftpListingEnv);

const ledger: Ledger = {
  async version(path) {
    const { Item } = await dynamodb().send(
      new GetItemCommand({ TableName: env.LEDGER_TABLE, Key: { id: { S: path } }, ConsistentRead: true }),
    );
    return Item?.version?.S;
  },
  async record({ path, version }) {
    const fetchedAt = new Date().toISOString();
    await dynamodb().send(
      new PutItemCommand({
        TableName: env.LEDGER_TABLE,
        Item: { id: { S: path }, version: { S: version }, fetchedAt: { S: fetchedAt } },
      }),
    );
  },
};

/** Known by its name to the state machine, which waits and asks again. */
class ListingNotThere extends Error {
  override readonly name = "ListingNotThere";
}

async function read(key: string): Promise<string> {
  const Bucket = env.LANDING_BUCKET;
  // Asked first: to get what is not there is to be denied, for a role that may list below a prefix only.
  const { KeyCount } = await s3().send(new ListObjectsV2Command({ Bucket, Prefix: key, MaxKeys: 1 }));
  if (KeyCount === 0) {
    throw new ListingNotThere(`${key} was not written yet: is the directory there, and may the user list it?`);
  }
  const { Body } = await s3().send(new GetObjectCommand({ Bucket, Key: key }));
  return (await Body?.transformToString()) ?? "";
}

/** Chooses files of a listing that are not here yet; records those that a transfer brought. */
export async function handler(asked: Asked): Promise<Chosen | { readonly moving: number; readonly failed: number }> {
  if (asked.do === "record") return await recordResults(asked.files, asked.results, ledger);
  return await chooseFiles(await read(asked.key), asked.directory, ledger, Date.now());
}
