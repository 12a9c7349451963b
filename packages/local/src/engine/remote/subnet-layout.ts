import { z } from "zod";
import { type Cidr, cut, end, formatCidr, nextBlock, parseCidr } from "./cidr";

export const subnetSpec = z.object({
  type: z.enum(["Public", "Private", "Isolated", "Unused"]),
  name: z.string().nullish(),
  cidrMask: z.number().nullish(),
  size: z.number().nullish(),
  cidrBlocks: z.array(z.string()).nullish(),
  assignIpv6AddressOnCreation: z.boolean().nullish(),
  tags: z.record(z.string(), z.unknown()).nullish(),
});
export type SubnetSpec = z.infer<typeof subnetSpec>;

export interface PlannedSubnet {
  readonly spec: SubnetSpec;
  readonly name: string;
  readonly zone: number;
  readonly cidrBlock: string;
}

export interface LayoutRequest {
  readonly vpcName: string;
  readonly cidrBlock: string;
  readonly zones: number;
  readonly zoneMask?: number | undefined;
  readonly specs: readonly SubnetSpec[] | undefined;
  readonly strategy: "Legacy" | "Auto" | "Exact";
}

const legacyOrder = ["Private", "Public", "Isolated", "Unused"];
/** Prefixes of the Legacy strategy where a spec gives none. */
const legacyMasks = { Private: 19, Public: 20, Isolated: 24, Unused: 24 } as const;

/** Where awsx puts which subnet: the zones share the network evenly, the subnets of a zone follow one another. */
export function planSubnets(request: LayoutRequest): PlannedSubnet[] {
  const specs = request.specs;
  if (specs?.some(({ cidrBlocks }) => cidrBlocks?.length)) return explicit(request, specs);
  const network = parseCidr(request.cidrBlock);
  const zoneBits = request.zoneMask ? request.zoneMask - network.mask : Math.ceil(Math.log2(request.zones));
  const planned: PlannedSubnet[] = [];
  for (let zone = 0; zone < request.zones; zone++) {
    const room = cut(network, zoneBits, zone);
    if (end(room) > end(network))
      throw new Error(`${request.cidrBlock} is too small for ${request.zones} zones of /${room.mask}`);
    for (const [spec, block] of inZone(request, room)) {
      planned.push({ spec, zone, name: subnetName(request.vpcName, spec, zone), cidrBlock: formatCidr(block) });
    }
  }
  return planned;
}

function inZone({ specs, strategy, vpcName }: LayoutRequest, room: Cidr): [SubnetSpec, Cidr][] {
  if (!specs) {
    // awsx's default: half of the zone private, a quarter public.
    return [
      [{ type: "Private" }, cut(room, 1, 0)],
      [{ type: "Public" }, cut(cut(room, 1, 1), 1, 0)],
    ];
  }
  const ordered =
    strategy === "Legacy"
      ? [...specs].sort((a, b) => legacyOrder.indexOf(a.type) - legacyOrder.indexOf(b.type))
      : specs;
  const even = room.mask + Math.ceil(Math.log2(Math.max(ordered.length, 1)));
  let from = room.base;
  return ordered.map((spec) => {
    const fallback = strategy === "Legacy" ? Math.max(legacyMasks[spec.type], even) : even;
    const mask = spec.cidrMask ?? (spec.size ? 32 - Math.ceil(Math.log2(spec.size)) : fallback);
    const block = nextBlock(from, mask);
    from = end(block);
    if (from > end(room)) {
      throw new Error(
        `the subnets of ${vpcName} do not fit: ${formatCidr(block)} leaves its zone's ${formatCidr(room)}`,
      );
    }
    return [spec, block] as [SubnetSpec, Cidr];
  });
}

function explicit({ specs = [], zones, vpcName }: LayoutRequest, given: readonly SubnetSpec[]): PlannedSubnet[] {
  for (const spec of given) {
    if (spec.cidrBlocks?.length !== zones) {
      throw new Error(
        `${vpcName}: every subnet spec needs ${zones} cidrBlocks, one per zone, once one of them has any`,
      );
    }
  }
  return Array.from({ length: zones }, (_, zone) =>
    (specs ?? []).map((spec) => ({
      spec,
      zone,
      name: subnetName(vpcName, spec, zone),
      cidrBlock: spec.cidrBlocks?.[zone] ?? "",
    })),
  ).flat();
}

function subnetName(vpcName: string, spec: SubnetSpec, zone: number): string {
  return `${vpcName}-${spec.name ?? spec.type.toLowerCase()}-${zone + 1}`;
}
