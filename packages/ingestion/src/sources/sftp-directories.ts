import type * as sfn from "@pulumi/aws/sfn";
import type * as transfer from "@pulumi/aws/transfer";
import * as pulumi from "@pulumi/pulumi";
import {
  grantTableActions,
  handlerBundle,
  LambdaFunction,
  SecureTable,
  standardStateMachine,
  tagsFor,
} from "@tributary/core";
import type { EnvironmentOf } from "../resources/shared";
import { listingsPrefix, type sftpListingEnv } from "../sftp-listing-env";
import type { SourceContext } from "./source";

/** Where a source's listings are written in the landing bucket, without a slash behind. */
export const listingsFolder = (id: string) => `${listingsPrefix}source=${id}`;

/** Items of a listing: StartDirectoryListing's most. */
const maxItems = 10_000;
/** Longest run. A transfer may take half a day; one that never ends does not run for ever. */
const timeoutSeconds = 24 * 3600;

/**
 * A state machine that lists a partner's directories, has the files fetched that are not here yet as they stand, and notes
 * in a table which came. A directory that fails holds up no other; the execution fails at its end.
 */
export function makeDirectoryMachine(
  pull: string,
  directories: readonly string[],
  connector: transfer.Connector,
  context: SourceContext,
): { readonly machine: sfn.StateMachine; readonly ledger: SecureTable } {
  const { id, foundation, module, place, onDelete, opts } = context;
  const { bucket, folder } = context.landing();
  const ledger = new SecureTable(
    `${pull}-ledger`,
    { foundation, dataClass: "internal", hashKey: { name: "id" }, onDelete },
    opts,
  );
  const environment: EnvironmentOf<typeof sftpListingEnv> = {
    LEDGER_TABLE: ledger.name,
    LANDING_BUCKET: bucket.name,
  };
  const chooser = new LambdaFunction(
    `${pull}-listing`,
    {
      foundation,
      bundle: handlerBundle(__dirname, "sftp-listing"),
      calls: ["dynamodb", "s3"],
      description: "Tells which files of a partner's directory are not here yet.",
      environment,
      timeoutSeconds: 60,
    },
    opts,
  );
  grantTableActions(chooser, ledger.ref, "ledger", ["dynamodb:GetItem", "dynamodb:PutItem"]);
  bucket.grantRead(chooser, `${listingsFolder(id)}/`);
  const machine = standardStateMachine(
    `${pull}-directories`,
    {
      foundation,
      module,
      tags: tagsFor(foundation, module),
      statements: [
        {
          sid: "ListAndFetch",
          actions: ["transfer:StartDirectoryListing", "transfer:StartFileTransfer", "transfer:ListFileTransferResults"],
          resources: [connector.arn],
        },
        { sid: "Choose", actions: ["lambda:InvokeFunction"], resources: [chooser.arn] },
        {
          sid: "ForgetListing",
          actions: ["s3:DeleteObject"],
          resources: [pulumi.interpolate`${bucket.arn}/${listingsFolder(id)}/*`],
        },
        { sid: "Key", actions: ["kms:Decrypt", "kms:GenerateDataKey"], resources: [foundation.keyArn] },
      ],
      failure: `a directory of source ${id} could not be listed or fetched; the execution's cause names it.`,
      definition: pulumi.jsonStringify(
        definition({
          task: (name) => pulumi.interpolate`arn:${place.partition}:states:::${name}`,
          connectorId: connector.id,
          chooser: chooser.arn,
          bucket: bucket.name,
          listings: listingsFolder(id),
          directories: directories.map((remote) => ({
            remote,
            // Below a folder of its own: two directories may have files of one name.
            local: pulumi.interpolate`/${bucket.name}/${folder(id)}${remote.replace(/^\/|\/$/g, "")}`.apply((path) =>
              path.replace(/\/$/, ""),
            ),
          })),
        }),
      ),
    },
    opts,
  );
  return { machine, ledger };
}

interface Parts {
  readonly task: (name: string) => pulumi.Output<string>;
  readonly connectorId: pulumi.Output<string>;
  readonly chooser: pulumi.Output<string>;
  readonly bucket: pulumi.Output<string>;
  readonly listings: string;
  readonly directories: readonly { readonly remote: string; readonly local: pulumi.Output<string> }[];
}

const again = { ErrorEquals: ["States.TaskFailed"], IntervalSeconds: 5, MaxAttempts: 5, BackoffRate: 2 };
const missed = [{ ErrorEquals: ["States.ALL"], ResultPath: "$.error", Next: "Missed" }];

function definition(parts: Parts): object {
  const { task, connectorId: ConnectorId, bucket, listings } = parts;
  const key = `States.Format('${listings}/{}', $.listing.OutputFileName)`;
  const ask = (payload: object) => ({
    Type: "Task",
    Resource: task("lambda:invoke"),
    Parameters: { FunctionName: parts.chooser, Payload: payload },
  });
  return {
    Comment: "Lists a partner's directories and fetches what is not here yet",
    TimeoutSeconds: timeoutSeconds,
    StartAt: "Directories",
    States: {
      Directories: { Type: "Pass", Result: { directories: parts.directories }, Next: "EachDirectory" },
      EachDirectory: {
        Type: "Map",
        ItemsPath: "$.directories",
        MaxConcurrency: 1,
        ItemProcessor: {
          ProcessorConfig: { Mode: "INLINE" },
          StartAt: "List",
          States: {
            List: {
              Type: "Task",
              Resource: task("aws-sdk:transfer:startDirectoryListing"),
              Parameters: {
                ConnectorId,
                "RemoteDirectoryPath.$": "$.remote",
                OutputDirectoryPath: pulumi.interpolate`/${bucket}/${listings}`,
                MaxItems: maxItems,
              },
              ResultPath: "$.listing",
              Retry: [again],
              Catch: missed,
              Next: "Choose",
            },
            Choose: {
              ...ask({ do: "choose", "directory.$": "$.remote", "key.$": key }),
              ResultSelector: { "groups.$": "$.Payload.groups", "truncated.$": "$.Payload.truncated" },
              ResultPath: "$.chosen",
              // The listing is written some seconds after it was asked for.
              Retry: [
                {
                  ErrorEquals: ["ListingNotThere"],
                  IntervalSeconds: 5,
                  MaxAttempts: 15,
                  BackoffRate: 1.3,
                  MaxDelaySeconds: 60,
                },
                again,
              ],
              Catch: missed,
              Next: "EachGroup",
            },
            EachGroup: {
              Type: "Map",
              ItemsPath: "$.chosen.groups",
              ItemSelector: { "files.$": "$$.Map.Item.Value", "local.$": "$.local" },
              MaxConcurrency: 1,
              ItemProcessor: { ProcessorConfig: { Mode: "INLINE" }, ...groupStates({ task, ConnectorId, ask }) },
              ResultPath: null,
              Catch: missed,
              Next: "ForgetListing",
            },
            ForgetListing: {
              Type: "Task",
              Resource: task("aws-sdk:s3:deleteObject"),
              Parameters: { Bucket: bucket, "Key.$": key },
              ResultPath: null,
              Retry: [again],
              Catch: missed,
              Next: "WasItAll",
            },
            WasItAll: {
              Type: "Choice",
              Choices: [{ Variable: "$.chosen.truncated", BooleanEquals: true, Next: "TooMany" }],
              Default: "Done",
            },
            TooMany: {
              Type: "Pass",
              Parameters: {
                failed: true,
                "cause.$": `States.Format('{} has more than ${maxItems} files, of which a listing shows the first: have old ones moved away', $.remote)`,
              },
              End: true,
            },
            Missed: {
              Type: "Pass",
              Parameters: {
                failed: true,
                "cause.$": "States.Format('{}: {}: {}', $.remote, $.error.Error, $.error.Cause)",
              },
              End: true,
            },
            Done: { Type: "Pass", Result: { failed: false, cause: "" }, End: true },
          },
        },
        Next: "Outcome",
      },
      Outcome: {
        Type: "Pass",
        Parameters: {
          "failed.$": "States.ArrayContains($[*].failed, true)",
          "cause.$": "States.JsonToString($[*].cause)",
        },
        Next: "Whole",
      },
      Whole: {
        Type: "Choice",
        Choices: [{ Variable: "$.failed", BooleanEquals: true, Next: "NotFetched" }],
        Default: "Fetched",
      },
      NotFetched: { Type: "Fail", Error: "DirectoryNotFetched", CausePath: "$.cause" },
      Fetched: { Type: "Succeed" },
    },
  };
}

/** One transfer: started, looked at until none of its files is under way, and those that came noted. */
function groupStates({
  task,
  ConnectorId,
  ask,
}: Pick<Parts, "task"> & { readonly ConnectorId: pulumi.Output<string>; readonly ask: (payload: object) => object }) {
  return {
    StartAt: "Fetch",
    States: {
      Fetch: {
        Type: "Task",
        Resource: task("aws-sdk:transfer:startFileTransfer"),
        Parameters: { ConnectorId, "RetrieveFilePaths.$": "$.files[*].path", "LocalDirectoryPath.$": "$.local" },
        ResultPath: "$.transfer",
        Retry: [again],
        Next: "Wait",
      },
      Wait: { Type: "Wait", Seconds: 10, Next: "Look" },
      Look: {
        Type: "Task",
        Resource: task("aws-sdk:transfer:listFileTransferResults"),
        Parameters: { ConnectorId, "TransferId.$": "$.transfer.TransferId" },
        ResultPath: "$.results",
        Retry: [again],
        Next: "Record",
      },
      Record: {
        ...ask({ do: "record", "files.$": "$.files", "results.$": "$.results.FileTransferResults" }),
        ResultSelector: { "moving.$": "$.Payload.moving" },
        ResultPath: "$.recorded",
        Retry: [again],
        Next: "Settled",
      },
      Settled: {
        Type: "Choice",
        Choices: [{ Variable: "$.recorded.moving", NumericGreaterThan: 0, Next: "Wait" }],
        Default: "Came",
      },
      Came: { Type: "Pass", Result: {}, End: true },
    },
  };
}
