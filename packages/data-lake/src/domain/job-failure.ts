/** A failed job in words: error names begin what the jobs' runner says. */
export interface JobFailure {
  /** `QualityFailed`, or `JobFailed` where the job does not say. */
  readonly name: string;
  readonly message: string;
}

/**
 * What a job failed of, from the cause that Step Functions gives: the job run's description as JSON, whose `ErrorMessage` is
 * the last line of what the job raised.
 */
export function jobFailure(job: string, error: string, cause: string): JobFailure {
  const run = parsed(cause);
  const said = typeof run?.ErrorMessage === "string" ? run.ErrorMessage : `${error}: ${cause}`;
  const [, name, rest] = /(?:^|[\s:])(QualityFailed):\s*([\s\S]+)$/.exec(said) ?? [];
  if (name !== undefined && rest !== undefined) return { name, message: rest };
  const id = typeof run?.Id === "string" ? ` (run ${run.Id})` : "";
  return { name: "JobFailed", message: `the job ${job}${id}: ${said}` };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // A cause is free text unless a service wrote it.
    return undefined;
  }
}
