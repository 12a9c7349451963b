import { createHash, randomUUID } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { z } from "zod";
import { AwsError, arn, type Kernel, type Principal, type Realiser, type Resource } from "../../kernel";
import { busesOf } from "../eventbridge/buses";
import { putLocalFile } from "../s3";
import { type Operation, operation, perKernel, tagOutputs } from "../support";

/** What of a connector the calls need. */
interface Connector {
  readonly id: string;
  readonly arn: string;
  readonly accessRole: string;
  /** The folder that stands for the partner's server. */
  readonly root: string;
}

interface FileResult {
  readonly FilePath: string;
  readonly StatusCode: "COMPLETED" | "FAILED";
  readonly FailureCode?: string;
  readonly FailureMessage?: string;
}

const connectorsOf = perKernel(() => new Map<string, Connector>());
const resultsOf = (kernel: Kernel) => kernel.store.table<readonly FileResult[]>("transfer.results");

export const connectorRealiser: Realiser = {
  type: "aws:transfer/connector:Connector",
  compute({ urn, inputs }, kernel, previous) {
    const id = previous?.id ?? `c-${createHash("sha256").update(urn).digest("hex").slice(0, 17)}`;
    return {
      id,
      outputs: { connectorId: id, arn: arn(kernel.place, "transfer", `connector/${id}`), ...tagOutputs(inputs) },
    };
  },
  attach(resource: Resource, kernel) {
    const root = join(kernel.options.dataDir, "sftp-remote", resource.name);
    mkdirSync(root, { recursive: true });
    const { id, inputs, outputs } = resource;
    connectorsOf(kernel).set(id, { id, arn: String(outputs.arn), accessRole: String(inputs.accessRole), root });
  },
  detach({ id }, kernel) {
    connectorsOf(kernel).delete(id);
  },
};

/** `/bucket/folder` as bucket and prefix. */
function inS3(path: string): { readonly bucket: string; readonly prefix: string } {
  const [bucket = "", ...folders] = path.replace(/^\//, "").split("/");
  const prefix = folders.filter((folder) => folder !== "").join("/");
  return { bucket, prefix: prefix === "" ? "" : `${prefix}/` };
}

/** A path on the partner's server as one below the folder; `..` does not lead out of it. */
const below = (root: string, path: string) => join(root, posix.normalize(posix.join("/", path)));

async function upload(kernel: Kernel, { accessRole, id }: Connector, file: string, target: string): Promise<void> {
  const { bucket, prefix } = inS3(posix.dirname(target));
  const key = `${prefix}${posix.basename(target)}`;
  const principal: Principal = { kind: "role", roleArn: accessRole, session: id };
  kernel.authorize(principal, { action: "s3:PutObject", resource: `arn:aws:s3:::${bucket}/${key}` }, "PutObject");
  await putLocalFile(kernel, bucket, key, file);
}

/** The listing of a directory in Transfer Family's form: files and folders one level deep. */
function listing(folder: string, path: string, most: number): string {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const shown = entries.slice(0, most);
  return JSON.stringify({
    files: shown
      .filter((entry) => entry.isFile())
      .map(({ name }) => {
        const { mtime, size } = statSync(join(folder, name));
        const modifiedTimestamp = mtime.toISOString().replace(/\.\d+Z$/, "Z");
        return { filePath: posix.join(path, name), modifiedTimestamp, size };
      }),
    paths: shown.filter((entry) => entry.isDirectory()).map(({ name }) => ({ path: posix.join(path, name) })),
    truncated: String(entries.length > most),
  });
}

async function retrieve(kernel: Kernel, connector: Connector, path: string, local: string): Promise<FileResult> {
  const source = below(connector.root, path);
  if (!existsSync(source) || !statSync(source).isFile()) {
    const FailureMessage = `${path} is not there: the folder ${connector.root} stands for the server`;
    return { FilePath: path, StatusCode: "FAILED", FailureCode: "RETRIEVE_FILE_NOT_FOUND", FailureMessage };
  }
  const copy = join(kernel.folder("tmp", "transfer"), randomUUID());
  copyFileSync(source, copy);
  await upload(kernel, connector, copy, posix.join(local, posix.basename(path)));
  return { FilePath: path, StatusCode: "COMPLETED" };
}

/** Transfer Family's calls on connectors. Files are there when the call answers. */
export function connectorOperations(kernel: Kernel): Record<string, Operation> {
  const connectors = connectorsOf(kernel);
  const require = (id: string): Connector => {
    const found = connectors.get(id);
    if (found) return found;
    throw new AwsError("ResourceNotFoundException", `Connector ${id} does not exist.`);
  };
  const ConnectorId = z.string();
  const needs =
    (action: string) =>
    ({ ConnectorId: id }: { ConnectorId: string }) => [
      { action: `transfer:${action}`, resource: arn(kernel.place, "transfer", `connector/${id}`) },
    ];
  return {
    StartDirectoryListing: operation(
      z.strictObject({
        ConnectorId,
        RemoteDirectoryPath: z.string().min(1),
        OutputDirectoryPath: z.string().min(1),
        MaxItems: z.number().int().min(1).max(10_000).default(1_000),
      }),
      needs("StartDirectoryListing"),
      async ({ ConnectorId: id, RemoteDirectoryPath, OutputDirectoryPath, MaxItems }) => {
        const connector = require(id);
        const ListingId = randomUUID();
        const OutputFileName = `${id}-${ListingId}.json`;
        const folder = below(connector.root, RemoteDirectoryPath);
        // As on AWS: the call is accepted, and no listing comes of it.
        if (!existsSync(folder) || !statSync(folder).isDirectory()) {
          kernel.log.warn(`transfer: no listing of ${RemoteDirectoryPath}: ${folder} is no folder`);
          return { ListingId, OutputFileName };
        }
        const text = listing(folder, RemoteDirectoryPath, MaxItems);
        const { bucket, prefix } = inS3(OutputDirectoryPath);
        const principal: Principal = { kind: "role", roleArn: connector.accessRole, session: id };
        const input = { Bucket: bucket, Key: `${prefix}${OutputFileName}`, Body: Buffer.from(text) };
        await kernel.call("s3", "PutObject", input, principal);
        return { ListingId, OutputFileName };
      },
    ),
    StartFileTransfer: operation(
      z.strictObject({
        ConnectorId,
        RetrieveFilePaths: z.array(z.string()).min(1).max(10),
        LocalDirectoryPath: z.string().min(1),
      }),
      needs("StartFileTransfer"),
      async ({ ConnectorId: id, RetrieveFilePaths, LocalDirectoryPath }) => {
        const connector = require(id);
        const TransferId = randomUUID();
        const results: FileResult[] = [];
        for (const path of RetrieveFilePaths) {
          results.push(await retrieve(kernel, connector, path, LocalDirectoryPath));
        }
        await kernel.store.write(() => resultsOf(kernel).put([id, TransferId], results));
        await announceFailures(kernel, connector, TransferId, results);
        return { TransferId };
      },
    ),
    ListFileTransferResults: operation(
      z.strictObject({ ConnectorId, TransferId: z.string(), MaxResults: z.number().optional() }),
      needs("ListFileTransferResults"),
      ({ ConnectorId: id, TransferId }) => {
        const FileTransferResults = resultsOf(kernel).get([require(id).id, TransferId]);
        if (FileTransferResults) return { FileTransferResults };
        throw new AwsError("ResourceNotFoundException", `Transfer ${TransferId} of connector ${id} does not exist.`);
      },
    ),
  };
}

/** Tells EventBridge of each file that did not come, as Transfer Family does. */
async function announceFailures(
  kernel: Kernel,
  connector: Connector,
  transferId: string,
  results: readonly FileResult[],
): Promise<void> {
  const buses = busesOf(kernel);
  const events = results
    .filter(({ StatusCode }) => StatusCode === "FAILED")
    .map(({ FilePath, FailureCode, FailureMessage }) =>
      buses.envelope(
        "aws.transfer",
        "SFTP Connector File Retrieve Failed",
        {
          operation: "RETRIEVE",
          "connector-id": connector.id,
          "transfer-id": transferId,
          "file-path": FilePath,
          "status-code": "FAILED",
          "failure-code": FailureCode,
          "failure-message": FailureMessage,
        },
        { resources: [connector.arn] },
      ),
    );
  if (events.length > 0) await buses.accept("default", events);
}
