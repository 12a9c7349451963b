import { createHash } from "node:crypto";
import { AwsError, arn, type Kernel, type Table } from "../../kernel";
import { perKernel } from "../support";

export interface SecretVersion {
  readonly id: string;
  readonly stages: readonly string[];
  readonly text?: string;
  readonly binary?: Uint8Array;
  readonly createdAt: number;
}

export interface SecretRow {
  readonly name: string;
  readonly arn: string;
  readonly description: string;
  readonly kmsKeyId?: string;
  readonly createdAt: number;
  readonly changedAt: number;
  /** Set while the secret waits for its deletion. */
  readonly deleteAt?: number;
  readonly versions: readonly SecretVersion[];
}

const current = "AWSCURRENT";
const previous = "AWSPREVIOUS";

/** Secrets in the data folder, in plain text: as safe as the folder is. */
export class Secrets {
  readonly rows: Table<SecretRow>;

  constructor(private readonly kernel: Kernel) {
    this.rows = kernel.store.table("secrets");
  }

  arnOf(name: string): string {
    const suffix = createHash("sha256").update(name).digest("base64url").replace(/[-_]/g, "x").slice(0, 6);
    return this.rows.get(name)?.arn ?? arn(this.kernel.place, "secretsmanager", `secret:${name}-${suffix}`);
  }

  /** By name, ARN, or ARN without its random ending. */
  find(id: string): SecretRow | undefined {
    if (!id.startsWith("arn:")) return this.rows.get(id);
    for (const { value } of this.rows.entries()) {
      if (value.arn === id || value.arn.slice(0, -7) === id) return value;
    }
    return undefined;
  }

  require(id: string, options: { deleted?: boolean } = {}): SecretRow {
    const row = this.find(id);
    if (!row) throw new AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
    if (row.deleteAt !== undefined && !options.deleted) {
      const message = "You can't perform this operation on the secret because it was marked for deletion.";
      throw new AwsError("InvalidRequestException", message);
    }
    return row;
  }

  /** The ARN that permissions are judged on, also for a secret that is not there. */
  resourceOf(id: string): string {
    return this.find(id)?.arn ?? (id.startsWith("arn:") ? id : this.arnOf(id));
  }

  async save(name: string, change: (row: SecretRow | undefined) => SecretRow): Promise<SecretRow> {
    return await this.kernel.store.write(() => {
      const row = change(this.rows.get(name));
      this.rows.put(name, row);
      return row;
    });
  }

  /** Makes a value the current one; the one before becomes the previous. The same id again changes nothing. */
  async putValue(name: string, version: Omit<SecretVersion, "stages" | "createdAt">): Promise<SecretRow> {
    return await this.save(name, (row) => {
      if (!row) throw new AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
      const same = row.versions.find(({ id }) => id === version.id);
      if (same) {
        if (same.text === version.text && equalBytes(same.binary, version.binary)) return row;
        throw new AwsError("ResourceExistsException", "You can't modify the content of an existing version.");
      }
      const kept = row.versions
        .map((old) => ({ ...old, stages: old.stages.includes(current) ? [previous] : ([] as string[]) }))
        .filter(({ stages }) => stages.length > 0);
      const now = this.kernel.now();
      return { ...row, changedAt: now, versions: [{ ...version, stages: [current], createdAt: now }, ...kept] };
    });
  }

  version(row: SecretRow, wanted: { id?: string | undefined; stage?: string | undefined }): SecretVersion {
    const { id, stage = id === undefined ? current : undefined } = wanted;
    const found = row.versions.find(
      (entry) => (id === undefined || entry.id === id) && (stage === undefined || entry.stages.includes(stage)),
    );
    if (found) return found;
    const what = id === undefined ? `staging label: ${stage}` : `VersionId: ${id}`;
    const message = `Secrets Manager can't find the specified secret value for ${what}`;
    throw new AwsError("ResourceNotFoundException", message);
  }
}

function equalBytes(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (!left || !right) return left === right;
  return Buffer.compare(left, right) === 0;
}

export const secretsOf = perKernel((kernel) => new Secrets(kernel));
