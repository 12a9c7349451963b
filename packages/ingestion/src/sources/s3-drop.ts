import type { Input } from "@pulumi/pulumi";
import { inputTextFaults, quoted } from "@tributary/core";
import { type FileArgs, fileArgFaults, fileArgKeys, filesOf } from "./file-args";
import type { SourceBase, SourceKind } from "./source";

export interface S3DropArgs extends FileArgs, Pick<SourceBase, "writeKey" | "plan"> {
  /**
   * ARNs of principals that may put files in the source's folder, beside this account's own by IAM: roles or accounts of
   * partners. They send their files encrypted with the foundation's key, whose policy must let them
   * (`kms:GenerateDataKey`).
   */
  readonly writers?: readonly Input<string>[];
}

export interface S3DropSource extends SourceBase, S3DropArgs {
  readonly kind: "s3-drop";
}

/** Files that people, jobs or other accounts put in the source's folder of the landing bucket. */
export function s3Drop(args: S3DropArgs): S3DropSource {
  return { kind: "s3-drop", ...args };
}

export const s3DropKind: SourceKind<S3DropSource> = {
  kind: "s3-drop",
  maker: "s3Drop()",
  keys: [...fileArgKeys, "writers"],
  maps: true,
  faults: (path, args) => [
    ...fileArgFaults(path, args),
    ...(args.writers === undefined
      ? []
      : Array.isArray(args.writers)
        ? args.writers.flatMap((writer: unknown, index) =>
            writer === "*"
              ? [{ path: `${path}.writers[${index}]`, reason: '"*" would let anybody write; name roles or accounts' }]
              : inputTextFaults(`${path}.writers[${index}]`, writer, "the ARN of a role or an account"),
          )
        : [{ path: `${path}.writers`, reason: `${quoted(args.writers)} must be a list of ARNs` }]),
  ],
  files: (args) => [filesOf(args)],
  landingPolicy: ({ writers = [] }, { objectsArn }) =>
    writers.length === 0
      ? []
      : [
          {
            actions: ["s3:PutObject", "s3:AbortMultipartUpload"],
            principals: { AWS: writers },
            resources: [objectsArn],
          },
        ],
  make: (_, { landing }) => ({ landing: landing().bucket.bucket }),
};
