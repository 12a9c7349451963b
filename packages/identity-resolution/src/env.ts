import { z } from "zod";

/** The resolver's environment: made by the component, read by the handler. */
export const resolverEnv = z.object({
  GRAPH_TABLE: z.string().min(1),
  PROFILES_TABLE: z.string().min(1),
});
export type ResolverEnv = z.infer<typeof resolverEnv>;
