import * as dataexchange from "@pulumi/aws/dataexchange";
import type { Input } from "@pulumi/pulumi";
import * as pulumi from "@pulumi/pulumi";
import { failureNotice, inputTextFaults } from "@tributary/core";
import { type FileArgs, fileArgFaults, fileArgKeys, filesOf } from "./file-args";
import type { SourceBase, SourceKind } from "./source";

export interface DataExchangeArgs extends FileArgs, Pick<SourceBase, "writeKey" | "plan"> {
  /** Of a data set that the account is entitled to, in the stack's Region: subscribing to it is an act of yours. */
  readonly dataSetId: Input<string>;
}

export interface DataExchangeSource extends SourceBase, DataExchangeArgs {
  readonly kind: "data-exchange";
}

/** Each new revision of an AWS Data Exchange data set, exported as soon as it is published. */
export function dataExchange(args: DataExchangeArgs): DataExchangeSource {
  return { kind: "data-exchange", ...args };
}

export const dataExchangeKind: SourceKind<DataExchangeSource> = {
  kind: "data-exchange",
  maker: "dataExchange()",
  keys: [...fileArgKeys, "dataSetId"],
  maps: true,
  faults: (path, args) => [
    ...fileArgFaults(path, args),
    ...inputTextFaults(`${path}.dataSetId`, args.dataSetId, "the id of a data set that the account is entitled to"),
  ],
  files: (args) => [filesOf(args)],
  // The service writes in its own name: the rule is AWS's for automatic exports.
  landingPolicy: (_, { objectsArn, place }) => [
    {
      actions: ["s3:PutObject", "s3:PutObjectAcl"],
      principals: { Service: "dataexchange.amazonaws.com" },
      resources: [objectsArn],
      conditions: { StringEquals: { "aws:SourceAccount": place.accountId } },
    },
  ],
  make: ({ dataSetId }, { name, id, foundation, module, landing, opts }) => {
    const { bucket, folder } = landing();
    const action = new dataexchange.EventAction(
      `${name}-${id}`,
      {
        event: { revisionPublished: { dataSetId } },
        action: {
          exportRevisionToS3: {
            encryption: { type: "aws:kms", kmsKeyArn: foundation.keyArn },
            revisionDestination: {
              bucket: bucket.name,
              // Data Exchange fills these places in itself.
              keyPattern: `${folder(id)}\${Revision.CreatedAt}/\${Asset.Name}`,
            },
          },
        },
      },
      // The export is refused while the bucket's policy does not allow it.
      pulumi.mergeOptions(opts, { dependsOn: [bucket] }),
    );
    failureNotice(
      `${name}-${id}-failed`,
      {
        foundation,
        module,
        description: `A revision of the data set of source ${id} could not be exported; the event says why.`,
        pattern: pulumi.jsonStringify({
          source: ["aws.dataexchange"],
          "detail-type": ["Auto-export Job Failed"],
          resources: [dataSetId],
        }),
      },
      opts,
    );
    return { landing: bucket.bucket, eventAction: action };
  },
};
