import { z } from "zod";
import type { Kernel, Principal } from "../../kernel";
import { parseS3Uri } from "../duckdb";
import type { StepMemory } from "./plan-step";

const fingerprints = z.record(z.string(), z.string());
const bookmarkSchema = z.object({
  version: z.literal(1),
  steps: z.record(
    z.string(),
    z.object({
      hash: z.string(),
      asOf: z.string().optional(),
      sources: z.record(z.string(), fingerprints),
      target: fingerprints,
    }),
  ),
});

/** What each step of a job did last: an object of JSON, written after each step, so that a run goes on where one ended. */
export class Bookmark {
  private constructor(
    private readonly kernel: Kernel,
    private readonly principal: Principal,
    private readonly uri: string | undefined,
    private steps: Readonly<Record<string, StepMemory>>,
  ) {}

  static async read(kernel: Kernel, principal: Principal, uri: string | undefined): Promise<Bookmark> {
    if (uri === undefined) return new Bookmark(kernel, principal, uri, {});
    const { bucket, key } = parseS3Uri(uri);
    // Who may list a prefix alone is told "no" of an object that is not there: so the list is asked first.
    const listed = { Bucket: bucket, Prefix: key };
    const { Contents = [] } = await kernel.call<{ Contents?: { Key: string }[] }>(
      "s3",
      "ListObjectsV2",
      listed,
      principal,
    );
    if (!Contents.some((each) => each.Key === key)) return new Bookmark(kernel, principal, uri, {});
    const request = { Bucket: bucket, Key: key };
    const { Body } = await kernel.call<{ Body: Uint8Array }>("s3", "GetObject", request, principal);
    const text = Buffer.from(Body).toString("utf8");
    // One that cannot be read costs a full run, and is written anew.
    const parsed = bookmarkSchema.safeParse(parse(text));
    if (!parsed.success) kernel.log.warn(`glue: the bookmark ${uri} is not valid, so everything is made again`);
    return new Bookmark(kernel, principal, uri, parsed.success ? parsed.data.steps : {});
  }

  of(step: string): StepMemory | undefined {
    return this.steps[step];
  }

  async keep(step: string, memory: StepMemory): Promise<void> {
    if (this.uri === undefined) return;
    this.steps = { ...this.steps, [step]: memory };
    const { bucket, key } = parseS3Uri(this.uri);
    const body = JSON.stringify({ version: 1, steps: this.steps });
    const request = {
      Bucket: bucket,
      Key: key,
      Body: new TextEncoder().encode(`${body}\n`),
      ContentType: "application/json",
    };
    await this.kernel.call("s3", "PutObject", request, this.principal);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
