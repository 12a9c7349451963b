import type { Input } from "@pulumi/pulumi";
import { type Fault, inputTextFaults, isRecord, objectFaults, quoted, unknownFaults } from "@tributary/core";
import { type FileArgs, fileArgFaults, fileArgKeys, filesOf } from "./file-args";
import { makeSftpPull } from "./sftp-pull";
import { makeSftpServer } from "./sftp-server";
import type { SourceBase, SourceKind } from "./source";

/** A server of ours, to which partners send their files. It bills by the hour: about $219 a month. */
export interface SftpServerArgs {
  /** By user name: the public keys (OpenSSH form) that the user may log in with. */
  readonly users: Readonly<Record<string, { readonly publicKeys: readonly string[] }>>;
  /** Id of a Transfer Family server that is there already; left out: one is made, with a public endpoint. */
  readonly existing?: Input<string>;
}

/** A partner's server, from which files are fetched. Nothing bills while it waits. */
export interface SftpPullArgs {
  /** `sftp://files.example.com`, with a port where it is not 22. */
  readonly url: Input<string>;
  /** ARN of a secret: `{"Username": …, "PrivateKey": …}`, or `Password`. */
  readonly secretArn: Input<string>;
  /** Key that the secret is encrypted with. @default the foundation's */
  readonly secretKeyArn?: Input<string>;
  /** The server's public host keys: another server in its place is refused. */
  readonly hostKeys: readonly Input<string>[];
  /** Files to fetch each time, by their paths there, at most ten. This, `directories`, or both. */
  readonly paths?: readonly string[];
  /**
   * Directories there, at most ten: each time, whatever is in them and was not fetched as it stands is fetched. Folders in
   * them are not looked into.
   */
  readonly directories?: readonly string[];
  /** EventBridge Scheduler's expression, in UTC: `rate(1 hour)`, `cron(0 3 * * ? *)`. */
  readonly schedule: string;
}

export interface SftpArgs extends FileArgs, Pick<SourceBase, "writeKey" | "plan"> {
  readonly server?: SftpServerArgs;
  readonly pull?: SftpPullArgs;
}

export interface SftpSource extends SourceBase, SftpArgs {
  readonly kind: "sftp";
}

/** Files over SFTP: sent to a server of ours (`server`), or fetched from a partner's (`pull`). */
export function sftp(args: SftpArgs): SftpSource {
  return { kind: "sftp", ...args };
}

export const sftpKind: SourceKind<SftpSource> = {
  kind: "sftp",
  maker: "sftp()",
  keys: [...fileArgKeys, "server", "pull"],
  maps: true,
  faults: (path, args) => [
    ...fileArgFaults(path, args),
    ...(args.server === undefined && args.pull === undefined
      ? [{ path, reason: "needs server: { users: … } (partners send) or pull: { url: …, … } (we fetch)" }]
      : []),
    ...(args.server === undefined ? [] : serverFaults(`${path}.server`, args.server)),
    ...(args.pull === undefined ? [] : pullFaults(`${path}.pull`, args.pull)),
  ],
  files: (args) => [filesOf(args)],
  make: (args, context) => ({
    landing: context.landing().bucket.bucket,
    ...(args.server === undefined ? {} : makeSftpServer(args.server, context)),
    ...(args.pull === undefined ? {} : makeSftpPull(args.pull, context)),
  }),
};

/** Transfer Family's own rule for user names. */
const userName = /^[\w][\w@.-]{2,99}$/;
const publicKey = /^(ssh-(rsa|ed25519)|ecdsa-sha2-nistp(256|384|521)) [A-Za-z0-9+/=]+/;

function serverFaults(path: string, server: unknown): Fault[] {
  return objectFaults(path, server, '{ users: { acme: { publicKeys: ["ssh-ed25519 …"] } } }', (given) => [
    ...unknownFaults(`${path}.`, given, ["users", "existing"]),
    ...(given.existing === undefined
      ? []
      : inputTextFaults(`${path}.existing`, given.existing, "the id of a Transfer Family server")),
    ...usersFaults(`${path}.users`, given.users),
  ]);
}

function usersFaults(path: string, users: unknown): Fault[] {
  if (!isRecord(users) || Object.keys(users).length === 0) {
    return [
      { path, reason: `${quoted(users)} must be users by name, such as { acme: { publicKeys: ["ssh-ed25519 …"] } }` },
    ];
  }
  return Object.entries(users).flatMap(([name, user]) => {
    const keys = isRecord(user) ? user.publicKeys : undefined;
    return [
      ...(userName.test(name)
        ? []
        : [
            { path: `${path}.${name}`, reason: "must have 3 to 100 letters, digits, _, -, . or @, the first no - . @" },
          ]),
      ...(Array.isArray(keys) && keys.length > 0
        ? keys.flatMap((key: unknown, index) =>
            typeof key === "string" && publicKey.test(key)
              ? []
              : [
                  {
                    path: `${path}.${name}.publicKeys[${index}]`,
                    reason: 'must be a public key in OpenSSH form: "ssh-ed25519 AAAA…"',
                  },
                ],
          )
        : [{ path: `${path}.${name}.publicKeys`, reason: `${quoted(keys)} must be a list of public keys` }]),
    ];
  });
}

function pullFaults(path: string, pull: unknown): Fault[] {
  const example = '{ url: "sftp://…", secretArn, hostKeys: […], paths: ["/out/orders.csv"], schedule: "rate(1 hour)" }';
  return objectFaults(path, pull, example, (given) => [
    ...unknownFaults(`${path}.`, given, [
      "url",
      "secretArn",
      "secretKeyArn",
      "hostKeys",
      "paths",
      "directories",
      "schedule",
    ]),
    ...(typeof given.url === "string" && !given.url.startsWith("sftp://")
      ? [{ path: `${path}.url`, reason: `${quoted(given.url)} must begin with sftp://` }]
      : inputTextFaults(`${path}.url`, given.url, "the server's address such as sftp://files.example.com")),
    ...inputTextFaults(`${path}.secretArn`, given.secretArn, "the ARN of the secret with Username and PrivateKey"),
    ...(Array.isArray(given.hostKeys) && given.hostKeys.length > 0
      ? []
      : [{ path: `${path}.hostKeys`, reason: "must name the server's public host keys: ssh-keyscan shows them" }]),
    ...(given.paths === undefined && given.directories === undefined
      ? [{ path: `${path}.paths`, reason: 'is missing; give paths: ["/out/orders.csv"], or directories: ["/out"]' }]
      : []),
    ...pathsFaults(`${path}.paths`, given.paths, 'of files, such as "/out/orders.csv"'),
    ...pathsFaults(`${path}.directories`, given.directories, 'of directories, such as "/out"'),
    ...(typeof given.schedule === "string" && /^(rate|cron)\(.+\)$/.test(given.schedule)
      ? []
      : [{ path: `${path}.schedule`, reason: `${quoted(given.schedule)} must be such as "rate(1 hour)"` }]),
  ]);
}

function pathsFaults(path: string, paths: unknown, what: string): Fault[] {
  if (
    paths === undefined ||
    (Array.isArray(paths) &&
      paths.length > 0 &&
      paths.length <= 10 &&
      paths.every((each) => typeof each === "string" && each.startsWith("/")))
  ) {
    return [];
  }
  return [{ path, reason: `${quoted(paths)} must be one to ten absolute paths ${what}` }];
}
