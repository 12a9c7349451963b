import * as z from "zod/mini";

/** The resolver's environment: made by the component, read by the handler. */
export const resolverEnv = z.object({
  GRAPH_TABLE: z.string().check(z.minLength(1)),
  PROFILES_TABLE: z.string().check(z.minLength(1)),
});
export type ResolverEnv = z.infer<typeof resolverEnv>;

/** The profile archiver's environment. */
export const profileArchiverEnv = z.object({ RAW_BUCKET: z.string().check(z.minLength(1)) });
export type ProfileArchiverEnv = z.infer<typeof profileArchiverEnv>;
