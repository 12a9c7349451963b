import { getCallerIdentityOutput } from "@pulumi/aws/getCallerIdentity";
import { getPartitionOutput } from "@pulumi/aws/getPartition";
import { getRegionOutput } from "@pulumi/aws/getRegion";
import * as pulumi from "@pulumi/pulumi";

/** Where a component is deployed. */
export interface Place {
  readonly accountId: pulumi.Output<string>;
  readonly region: pulumi.Output<string>;
  readonly partition: pulumi.Output<string>;
}

/**
 * Base of every component and of every default-secure child. Type token `tributary:index:<Class>`; children get
 * `this.child()`; the place is asked for once per outermost component and inherited downwards.
 */
export abstract class TributaryComponent extends pulumi.ComponentResource {
  /** The outermost Tributary component's class in lower case with dashes (`data-lake`): the `Module` tag of what it holds. */
  readonly module: string;
  readonly #enclosing: TributaryLike | undefined;
  #place: Place | undefined;

  constructor(className: string, name: string, opts?: pulumi.ComponentResourceOptions) {
    super(`tributary:index:${className}`, name, {}, opts);
    this.#enclosing = enclosing(opts?.parent);
    this.module = this.#enclosing?.module ?? kebab(className);
  }

  /** Account, region and partition of this component's provider. */
  get place(): Place {
    this.#place ??= this.#enclosing?.place ?? {
      accountId: getCallerIdentityOutput({}, { parent: this }).accountId,
      region: getRegionOutput({}, { parent: this }).region,
      partition: getPartitionOutput({}, { parent: this }).partition,
    };
    return this.#place;
  }

  /** Options of a child. */
  protected child(opts?: pulumi.CustomResourceOptions): pulumi.CustomResourceOptions {
    return { ...opts, parent: this };
  }
}

interface TributaryLike {
  readonly module: string;
  readonly place: Place;
}

/** Told by shape, as two copies of this package may meet in one program. */
function enclosing(parent: pulumi.Resource | undefined): TributaryLike | undefined {
  return parent !== undefined && "module" in parent && "place" in parent
    ? (parent as unknown as TributaryLike)
    : undefined;
}

function kebab(className: string): string {
  return className.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "-").toLowerCase();
}
