const stackType = "pulumi:pulumi:Stack";

export interface UrnParts {
  readonly stack: string;
  readonly project: string;
  /** The type chain from the outermost component: `tributary:index:Ingestion$aws:kinesis/stream:Stream`. */
  readonly qualifiedType: string;
  readonly type: string;
  readonly name: string;
}

/** `urn:pulumi:dev::shop::aws:s3/bucket:Bucket::raw`; throws for a text that is no URN. */
export function parseUrn(urn: string): UrnParts {
  const match = /^urn:pulumi:(.*?)::(.*?)::([^:]*(?::[^:]+)*?)::(.*)$/s.exec(urn);
  if (!match) throw new Error(`"${urn}" is not a URN`);
  const [, stack = "", project = "", qualifiedType = "", name = ""] = match;
  return { stack, project, qualifiedType, type: qualifiedType.slice(qualifiedType.lastIndexOf("$") + 1), name };
}

/** The URN of a resource under its parent. The root stack adds nothing to the chain, as in Pulumi's own engine. */
export function makeUrn(stack: string, project: string, parentUrn: string, type: string, name: string): string {
  let chain = type;
  if (parentUrn && type !== stackType) {
    const parent = parseUrn(parentUrn);
    if (parent.type !== stackType) chain = `${parent.qualifiedType}$${type}`;
  }
  return `urn:pulumi:${stack}::${project}::${chain}::${name}`;
}

export function isRootStack(type: string): boolean {
  return type === stackType;
}
