import * as pulumi from "@pulumi/pulumi";
import { validate } from "./faults";

/** What happens to stored data when its resource leaves the program. */
export type OnDelete = "retain" | "destroy";

/** The stack setting that a destroying argument also needs. */
export const allowDataDestroySetting = "tributary:allowDataDestroy";

/**
 * Options of a data store. `retain` (the default everywhere) protects it and keeps it when it leaves the program.
 * `destroy` needs the stack setting too, and throws naming the exact command where it is missing, in a preview as in
 * an update.
 */
export function protectData(
  onDelete: OnDelete,
  owner = "the component",
): { readonly protect: boolean; readonly retainOnDelete: boolean } {
  if (onDelete === "retain") return { protect: true, retainOnDelete: true };
  const allowed = new pulumi.Config("tributary").get("allowDataDestroy") === "true";
  validate(
    owner,
    allowed
      ? []
      : [
          {
            path: "onDelete",
            reason:
              `"destroy" would delete customer data with the resource, so it also needs the stack's consent: run ` +
              `\`pulumi config set ${allowDataDestroySetting} true --stack ${pulumi.getStack()}\`, or leave onDelete out`,
          },
        ],
  );
  return { protect: false, retainOnDelete: false };
}
