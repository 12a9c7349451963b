import type { Input } from "@pulumi/pulumi";
import type * as z from "zod/mini";

/** The environment that a function's schema asks for, as the component gives it: a variable that is missing does not compile. */
export type EnvironmentOf<S extends z.ZodMiniType> = Readonly<Record<keyof z.infer<S> & string, Input<string>>>;

/** Where quarantined records lie in their bucket (`quarantineKey` of the model); the rest of it is Lambda's failed batches. */
export const quarantinePrefix = "dt=";
