import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { SignatureV4 } from "@smithy/signature-v4";
import { awsDoor, sdkError } from "./door";

/** Node's SHA-256 as the signer wants it. */
class Sha256 {
  private readonly hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.hash = secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.hash.update(bytesOf(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.hash.digest();
  }
  reset(): void {
    throw new Error("a hash is used once");
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): string | Uint8Array {
  if (typeof data === "string") return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

type Environment = Readonly<Record<string, string | undefined>>;

function signer(service: string, environment: Environment): SignatureV4 {
  const { AWS_REGION: region = "us-east-1", AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  return new SignatureV4({
    service,
    region,
    // Lambda gives a function its role's credentials in the environment.
    credentials: {
      accessKeyId: AWS_ACCESS_KEY_ID ?? "",
      secretAccessKey: AWS_SECRET_ACCESS_KEY ?? "",
      ...(AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: AWS_SESSION_TOKEN }),
    },
    sha256: Sha256,
    // Paths are given as S3 signs them: escaped once.
    uriEscapePath: false,
  });
}

/** How long a token lets a client log in, in seconds: MSK's most. */
const tokenSeconds = 900;

/**
 * A token for SASL/OAUTHBEARER at MSK: the presigned address of `kafka-cluster:Connect`, in base64. As AWS's own signer makes it
 * (aws-msk-iam-sasl-signer-js), which is 120 KiB zipped for its other ways to find credentials.
 */
export async function mskToken(environment: Environment = process.env, signingDate = new Date()): Promise<string> {
  const host = `kafka.${environment.AWS_REGION ?? "us-east-1"}.amazonaws.com`;
  const request = {
    method: "GET",
    protocol: "https:",
    hostname: host,
    path: "/",
    headers: { host },
    query: { Action: "kafka-cluster:Connect" },
  };
  const { query = {} } = await signer("kafka-cluster", environment).presign(request, {
    expiresIn: tokenSeconds,
    signingDate,
  });
  const search = Object.entries({ ...query, "User-Agent": "tributary" })
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join("&");
  return Buffer.from(`https://${host}/?${search}`).toString("base64url");
}

export interface PutObjectInput {
  readonly Bucket: string;
  readonly Key: string;
  readonly Body: string;
  readonly ContentType: string;
}

/** Tries of a put, with 100, 200, 400 ms between them. */
const attempts = 4;

/**
 * S3's PutObject alone, for a bundle that has no room for the client (80 KiB zipped). Resolves when the object is durable.
 * @throws with S3's status and code
 */
export async function putObject(input: PutObjectInput, environment: Environment = process.env): Promise<void> {
  const door = awsDoor();
  if (door) {
    try {
      await door.call("s3", "PutObject", input);
      return;
    } catch (error) {
      throw sdkError(error);
    }
  }
  const url = addressOf(input, environment);
  for (let attempt = 1; ; attempt++) {
    const failure = await put(url, input, environment);
    if (failure === undefined) return;
    if (!failure.again || attempt === attempts) throw failure.error;
    await new Promise((resolve) => setTimeout(resolve, 50 * 2 ** attempt));
  }
}

async function put(
  url: URL,
  { Body, ContentType }: PutObjectInput,
  environment: Environment,
): Promise<{ readonly error: Error; readonly again: boolean } | undefined> {
  const headers = { host: url.host, "content-type": ContentType };
  const request = {
    method: "PUT",
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    headers,
    body: Body,
  };
  const signed = await signer("s3", environment).sign(request);
  const { host: _set, ...send } = signed.headers;
  let response: Response;
  try {
    response = await fetch(url, { method: "PUT", headers: send, body: Body, signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    return { error: error as Error, again: true };
  }
  const text = await response.text();
  if (response.ok) return undefined;
  const code = /<Code>([^<]+)<\/Code>/.exec(text)?.[1] ?? "";
  const error = new Error(`PutObject answered ${response.status} ${code}`);
  error.name = code || "S3Error";
  return { error, again: response.status >= 500 || response.status === 429 };
}

function addressOf({ Bucket, Key }: PutObjectInput, environment: Environment): URL {
  const region = environment.AWS_REGION ?? "us-east-1";
  const path = Key.split("/").map(escaped).join("/");
  const endpoint = environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL;
  if (endpoint !== undefined) return new URL(`${endpoint.replace(/\/$/, "")}/${Bucket}/${path}`);
  return new URL(`https://${Bucket}.s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}/${path}`);
}

function escaped(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
