/**
 * Where a golden case is from. `undocumented`: AWS says nothing of it, or its sources contradict each other; the case holds
 * what we decided, and nobody may take it for what the service does. Pages are of docs.aws.amazon.com/entityresolution/latest.
 */
export const sources = {
  advanced: "userguide/rule-based-mw-advanced.html",
  glossary: "userguide/glossary.html",
  transitive: "userguide/transitive-matching.html",
  transitiveSteps: "userguide/transitive-matching-how-it-works.html",
  transitiveLimits: "userguide/transitive-matching-limitations.html",
  ruleCondition: "apireference/API_RuleCondition.html",
  sample:
    "github.com/aws-solutions-library-samples/guidance-for-customizing-normalization-library-for-aws-entity-resolution",
  undocumented: "undocumented",
} as const;

export type Source = keyof typeof sources;
