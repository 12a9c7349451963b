import * as budgets from "@pulumi/aws/budgets";
import type * as pulumi from "@pulumi/pulumi";
import { governanceDefaults } from "../defaults";

/**
 * A monthly cost budget on the tenant's tag. Cost allocation tags have to be activated once in the payer's account;
 * until then the budget counts nothing.
 */
export function makeBudget(
  name: string,
  args: {
    readonly monthlyUsd: number;
    readonly email: string;
    readonly topicArn: pulumi.Input<string>;
    readonly tags: Readonly<Record<string, string>>;
  },
  opts: pulumi.CustomResourceOptions,
): budgets.Budget {
  return new budgets.Budget(
    `${name}-monthly`,
    {
      budgetType: "COST",
      timeUnit: "MONTHLY",
      limitAmount: String(args.monthlyUsd),
      limitUnit: "USD",
      filterExpression: {
        ands: ["Project", "Environment", "Tenant"].map((key) => ({ tags: { key, values: [args.tags[key] ?? ""] } })),
      },
      metrics: "UnblendedCost",
      notifications: governanceDefaults.budgetNotices.map((notice) => ({
        notificationType: notice.type,
        comparisonOperator: "GREATER_THAN",
        threshold: notice.percent,
        thresholdType: "PERCENTAGE",
        subscriberEmailAddresses: [args.email],
        subscriberSnsTopicArns: [args.topicArn],
      })),
      tags: { ...args.tags },
    },
    opts,
  );
}
