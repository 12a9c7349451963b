import * as z from "zod/mini";

const text = z.string().check(z.minLength(1));

/** The environment of the function `land`. */
export const landEnv = z.object({
  RAW_BUCKET: text,
  WORKSPACE_BUCKET: text,
  /** Where in the workspace bucket it remembers: a prefix with a slash at its end. */
  PREFIX: text,
});
export type LandEnv = z.infer<typeof landEnv>;
