import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { AwsError, arn, type Kernel, type Principal, type Realiser, type Resource } from "../../kernel";
import { putLocalFile } from "../s3";
import { DropFolder, isRecord, perKernel, text } from "../support";

const foldersOf = perKernel(() => new Map<string, DropFolder>());

interface Export {
  readonly dataSetId: string;
  readonly bucket: string;
  readonly keyPattern: string;
}

const inside = (value: unknown, key: string): Record<string, unknown> =>
  isRecord(value) && isRecord(value[key]) ? (value[key] as Record<string, unknown>) : {};

function readExport({ inputs }: Pick<Resource, "inputs">): Export {
  const dataSetId = text(inside(inputs.event, "revisionPublished").dataSetId);
  const destination = inside(inside(inputs.action, "exportRevisionToS3"), "revisionDestination");
  const bucket = text(destination.bucket);
  if (!dataSetId || !bucket) {
    throw new AwsError("ValidationException", "an event action names a data set and the bucket of its export");
  }
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the service's own default
  return { dataSetId, bucket, keyPattern: text(destination.keyPattern) ?? "${Revision.CreatedAt}/${Asset.Name}" };
}

/** A revision's key pattern with what it stands for; a place that there is nothing for stays as it is. */
function keyOf(pattern: string, values: Readonly<Record<string, string>>): string {
  return pattern.replace(/\$\{([\w.]+)\}/g, (place, name: string) => values[name] ?? place);
}

const eventAction: Realiser = {
  type: "aws:dataexchange/eventAction:EventAction",
  replaceOn: ["event"],
  compute({ urn, inputs }, kernel, previous) {
    readExport({ inputs });
    const id = previous?.id ?? createHash("sha256").update(urn).digest("hex").slice(0, 32);
    const at = new Date(kernel.now()).toISOString();
    return {
      id,
      outputs: { arn: arn(kernel.place, "dataexchange", `event-actions/${id}`), createdAt: at, updatedAt: at },
    };
  },
  attach(resource, kernel) {
    const { dataSetId, bucket, keyPattern } = readExport(resource);
    const folder = new DropFolder(kernel, {
      name: `data-exchange/${dataSetId}`,
      folder: join(kernel.options.dataDir, "data-exchange", dataSetId),
      take: (file) =>
        exportAsset(kernel, { dataSetId, bucket, keyPattern, sourceArn: String(resource.outputs.arn) }, file),
    });
    foldersOf(kernel).set(resource.urn, folder);
  },
  async detach(resource, kernel) {
    await foldersOf(kernel).get(resource.urn)?.stop();
    foldersOf(kernel).delete(resource.urn);
  },
};

async function exportAsset(
  kernel: Kernel,
  action: Export & { readonly sourceArn: string },
  { path, name }: { readonly path: string; readonly name: string },
): Promise<void> {
  const [revision = "", ...asset] = name.split("/");
  if (asset.length === 0) {
    throw new AwsError("ValidationException", "an asset lies in its revision's folder: <data set>/<revision>/<file>");
  }
  const createdAt = statSync(dirname(path)).birthtime;
  const key = keyOf(action.keyPattern, {
    "DataSet.Id": action.dataSetId,
    "Revision.Id": revision,
    "Revision.CreatedAt": createdAt.toISOString(),
    "Revision.CreatedAt.Year": String(createdAt.getUTCFullYear()),
    "Revision.CreatedAt.Month": String(createdAt.getUTCMonth() + 1).padStart(2, "0"),
    "Revision.CreatedAt.Day": String(createdAt.getUTCDate()).padStart(2, "0"),
    "Asset.Id": createHash("sha256").update(name).digest("hex").slice(0, 32),
    "Asset.Name": asset.join("/"),
  });
  const principal: Principal = {
    kind: "service",
    service: "dataexchange.amazonaws.com",
    sourceArn: action.sourceArn,
  };
  const resource = `arn:aws:s3:::${action.bucket}/${key}`;
  kernel.authorize(principal, { action: "s3:PutObject", resource }, "ExportRevision");
  await putLocalFile(kernel, action.bucket, key, path);
}

/**
 * Data Exchange: a folder for each data set that an event action is for, `<data>/data-exchange/<data set>/<revision>/`;
 * what is put there is exported to the action's bucket, in the service's own name. Entitlements are not checked.
 */
export function install(): Realiser[] {
  return [eventAction];
}
