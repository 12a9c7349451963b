import { arn, autoName, globalArn, type Kernel, type Registered } from "./kernel";

/** Resource types whose physical name stands in another input than `name`. */
const nameInputs = ["name", "bucket", "family", "identifier", "domainName", "policyName", "functionName"];

/**
 * Id and ARN of a resource that nobody realises: it is *recorded*, with its configuration and a plausible ARN, and
 * has no behaviour. `aws:glue/trigger:Trigger` named `nightly` → `arn:aws:glue:…:trigger/nightly-1a2b3c4`.
 */
export function recordResource(resource: Registered, kernel: Kernel): { id: string; outputs: Record<string, unknown> } {
  const [provider = "", module = ""] = resource.type.split(":");
  const [service = provider, kind = "resource"] = module.split("/");
  const given = nameInputs
    .map((input) => resource.inputs[input])
    .find((value) => typeof value === "string" && value !== "");
  const physicalName = typeof given === "string" ? given : autoName(resource.urn, resource.name);
  const path = `${kind.toLowerCase()}/${physicalName}`;
  const resourceArn = service === "iam" ? globalArn(kernel.place, "iam", path) : arn(kernel.place, service, path);
  return { id: physicalName, outputs: { arn: resourceArn, name: physicalName } };
}
