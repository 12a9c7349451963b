import type { CustomResource, CustomResourceOptions, Input, Output } from "@pulumi/pulumi";
import type { ErAttribute, ErTechnique } from "@tributary/model";

/** What is used of `@pulumi/aws-native/entityresolution`: typed here, so that this package compiles without it. */
export interface EntityResolutionModule {
  readonly SchemaMapping: new (
    name: string,
    args: {
      schemaName: Input<string>;
      description?: Input<string>;
      mappedInputFields: Input<Input<NativeAttribute>[]>;
      tags?: Input<Input<NativeTag>[]>;
    },
    opts?: CustomResourceOptions,
  ) => CustomResource & { readonly schemaArn: Output<string>; readonly schemaName: Output<string> };
  readonly MatchingWorkflow: new (
    name: string,
    args: {
      workflowName: Input<string>;
      description?: Input<string>;
      inputSourceConfig: Input<Input<NativeInputSource>[]>;
      outputSourceConfig: Input<Input<NativeOutputSource>[]>;
      resolutionTechniques: Input<NativeTechnique>;
      roleArn: Input<string>;
      incrementalRunConfig?: Input<{ incrementalRunType: Input<"IMMEDIATE"> }>;
      tags?: Input<Input<NativeTag>[]>;
    },
    opts?: CustomResourceOptions,
  ) => CustomResource & { readonly workflowArn: Output<string>; readonly workflowName: Output<string> };
}

/** The provider's enumeration lacks the newest types (IPV4, IPV6, MAID); the service takes them. */
// biome-ignore lint/suspicious/noExplicitAny: the enumeration is the provider's
type NativeAttribute = Omit<ErAttribute, "type"> & { readonly type: any };

interface NativeTag {
  readonly key: string;
  readonly value: string;
}

interface NativeInputSource {
  readonly inputSourceArn: Input<string>;
  readonly schemaArn: Input<string>;
  readonly applyNormalization: boolean;
}

interface NativeOutputSource {
  readonly output: { readonly name: string; readonly hashed?: boolean }[];
  readonly outputS3Path?: Input<string>;
  readonly customerProfilesIntegrationConfig?: {
    readonly domainArn: Input<string>;
    readonly objectTypeArn: Input<string>;
  };
  readonly kmsArn: Input<string>;
  readonly applyNormalization: boolean;
}

/** As our plan has it, with lists that may be written to. */
export type NativeTechnique = Writable<ErTechnique>;
type Writable<T> = T extends readonly (infer E)[]
  ? Writable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Writable<T[K]> }
    : T;

/** How to get the optional package; the version is the one that this package was tested with. */
export const installation = "npm install @pulumi/aws-native@^1.79.0";

/**
 * The classes of Entity Resolution, loaded when they are needed: `@pulumi/aws` has none. Only this part of
 * `@pulumi/aws-native` is loaded, which takes a millisecond; all of it would take a hundred.
 * @returns undefined where the package is not installed
 */
export function loadEntityResolution(): EntityResolutionModule | undefined {
  try {
    return require("@pulumi/aws-native/entityresolution") as EntityResolutionModule;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "MODULE_NOT_FOUND" && message.includes("@pulumi/aws-native/entityresolution")) return undefined;
    throw error;
  }
}
