import type { Input } from "@pulumi/pulumi";
import { type Fault, inputTextFaults, optionalObjectFaults, quoted, unknownFaults } from "@tributary/core";

/** A dashboard of customers, segments, identity quality and pipeline health. Your account must have QuickSight; its readers are billed by QuickSight. */
export interface QuickSightArgs {
  /** ARNs of QuickSight users or groups who own the analysis, the dashboard and what is below them. */
  readonly principalArns: readonly Input<string>[];
  /** `spice`: rows are copied each night, and readers cost no queries. `direct`: each look is queries of Athena. @default "spice" */
  readonly import?: "spice" | "direct";
}

/** Faults of `quicksight`. */
export const quicksightFaults = (value: unknown): Fault[] =>
  optionalObjectFaults(
    "quicksight",
    value,
    "{ principalArns: [group.arn] }",
    ({ principalArns, import: mode, ...more }) => [
      ...unknownFaults("quicksight.", more, ["principalArns", "import"]),
      ...(Array.isArray(principalArns) && principalArns.length > 0
        ? principalArns.flatMap((arn: unknown, index) =>
            inputTextFaults(`quicksight.principalArns[${index}]`, arn, "the ARN of a QuickSight user or group"),
          )
        : [
            {
              path: "quicksight.principalArns",
              reason: `${quoted(principalArns)} must be a list of ARNs of QuickSight users or groups`,
            },
          ]),
      ...(mode === undefined || mode === "spice" || mode === "direct"
        ? []
        : [{ path: "quicksight.import", reason: `${quoted(mode)} must be "spice" or "direct"` }]),
    ],
  );
