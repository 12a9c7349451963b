import { type Apart, Clusters, windowRefuses } from "./clusters";
import { Cell, type GraphLink, type GraphNode, otherEnd } from "./graph-parts";
import type { CompiledRules } from "./identifiers";
import { compareLinks, connects, type OrderedLink, orderedLink } from "./link-order";

/**
 * The clusters of a graph, kept up to date.
 *
 * Clusters are what Kruskal's algorithm gives: links in a total order, each uniting two clusters unless a constraint
 * forbids it. Constraints are monotone (see `Clusters`), which gives two short cuts that lose nothing:
 *
 * 1. Where the union of two whole clusters is allowed, a new link between them unites them and changes nothing else:
 *    no part of an allowed union is forbidden, and clusters that only grew refuse whatever they refused before.
 * 2. Otherwise the links among the clusters concerned (the *scope*) are gone through again. A link out of the scope was
 *    refused before, and is refused still if its end in the scope grew. So the scope takes in the neighbours of a
 *    cluster only where a link was taken away or where the cluster does not stay together.
 *
 * A veto is not monotone: with one, the scope is everything that links connect.
 */
export class Partition {
  private pending: GraphLink[] = [];
  private readonly spoilt = new Set<Cell>();
  private runs = 0;

  constructor(
    private readonly rules: CompiledRules,
    private readonly missing: Set<string>,
    private readonly entangled: (a: GraphNode, b: GraphNode) => void,
  ) {}

  /** A link is new, or stronger than it was. */
  pend(link: GraphLink): void {
    this.pending.push(link);
  }

  /** Something was taken away at an identifier, or changed in a way that may take something away. */
  spoil(node: GraphNode): void {
    if (node.loaded) this.spoilt.add(node.cell);
    else this.missing.add(node.key);
  }

  spoilBoth(link: GraphLink): void {
    this.spoil(link.a);
    this.spoil(link.b);
    this.pending.push(link);
  }

  /** An identifier takes part no longer. */
  deactivate(node: GraphNode): void {
    const { cell } = node;
    if (cell.nodes.length === 1) return;
    remove(cell, node);
    cell.counts = undefined;
    this.spoilt.add(cell);
    for (const rest of cell.nodes) {
      this.entangled(node, rest);
      break;
    }
    node.cell = new Cell(node);
  }

  /** Puts an identifier into another's cluster, where it is known to belong. */
  join(a: GraphNode, b: GraphNode): void {
    a.cell.nodes.push(b);
    a.cell.counts = undefined;
    b.cell = a.cell;
  }

  /** Brings the clusters up to date. */
  settle(): void {
    const pending = this.pending;
    if (pending.length === 0 && this.spoilt.size === 0) return;
    this.pending = [];
    if (this.spoilt.size === 0 && this.rules.vetoes.length === 0) {
      let done = 0;
      while (done < pending.length && this.quick(pending[done] as GraphLink)) done++;
      if (done === pending.length) return;
      pending.splice(0, done);
    }
    const scope = new Set<Cell>();
    for (const cell of this.spoilt) if (cell.nodes.length > 0) scope.add(cell);
    for (const link of pending) {
      if (isIdle(link)) continue;
      for (const node of [link.a, link.b]) {
        if (node.loaded) scope.add(node.cell);
        else this.missing.add(node.key);
      }
    }
    if (this.missing.size === 0) this.rerun(scope);
    this.spoilt.clear();
  }

  /** Whether a link needs no run: it unites two clusters whose union is allowed, or nothing. */
  private quick(link: GraphLink): boolean {
    if (isIdle(link)) return true;
    const { a, b, edge } = link;
    if (!a.loaded || !b.loaded) return false;
    if (a.cell === b.cell) return true;
    if (edge.kind !== "same-event" && edge.kind !== "match") return false;
    if (!this.allowed(a.cell, b.cell)) return false;
    this.unite(a.cell, b.cell);
    this.entangled(a, b);
    return true;
  }

  private allowed(x: Cell, y: Cell): boolean {
    if (x.nodes.length + y.nodes.length > this.rules.source.maxComponentSize) return false;
    const [ours, theirs] = [this.countsOf(x), this.countsOf(y)];
    for (const rule of this.rules.ordered) {
      if ((ours[rule.rank] ?? 0) + (theirs[rule.rank] ?? 0) > rule.limit) return false;
    }
    const [small, large] = x.nodes.length < y.nodes.length ? [x, y] : [y, x];
    for (const node of small.nodes) {
      if (node.apart === 0) continue;
      for (const link of node.incident.values()) {
        if (link.edge.kind === "cannot-link" && otherEnd(link, node).cell === large) return false;
      }
    }
    if (this.rules.windowed.length === 0) return true;
    return windowRefuses([...x.nodes, ...y.nodes], this.rules, this.rules.windowed) === undefined;
  }

  private unite(x: Cell, y: Cell): void {
    const [into, from] = x.nodes.length >= y.nodes.length ? [x, y] : [y, x];
    const [counts, more] = [this.countsOf(into), this.countsOf(from)];
    for (let rank = 0; rank < counts.length; rank++) counts[rank] = (counts[rank] ?? 0) + (more[rank] ?? 0);
    for (const node of from.nodes) {
      into.nodes.push(node);
      node.cell = into;
    }
    from.nodes.length = 0;
  }

  private countsOf(cell: Cell): Int32Array {
    if (cell.counts) return cell.counts;
    const counts = new Int32Array(this.rules.ordered.length);
    let declared = false;
    for (const node of cell.nodes) {
      if (node.rule) counts[node.rank] = (counts[node.rank] ?? 0) + 1;
      declared ||= node.declared > 0;
    }
    cell.counts = counts;
    // What aliases and stewards declared to be one counts as one: only a run tells.
    const [first] = cell.nodes;
    if (declared && first?.active) cell.counts = this.run(new Set([cell])).clusters.counts(first.place);
    return cell.counts;
  }

  /** Goes through the links of the scope again, and of as much around it as may be concerned. */
  private rerun(scope: Set<Cell>): void {
    const all = this.rules.vetoes.length > 0;
    for (;;) {
      const { members, clusters } = this.run(scope);
      let grown = false;
      for (const cell of [...scope]) {
        if (!all && !this.spoilt.has(cell) && staysTogether(cell, clusters)) continue;
        for (const node of cell.nodes) {
          if (!node.active) continue;
          for (const link of node.incident.values()) {
            const other = otherEnd(link, node);
            if (!connects(link.edge.kind) || scope.has(other.cell)) continue;
            if (!other.loaded) this.missing.add(other.key);
            else if (other.active) {
              scope.add(other.cell);
              grown = true;
            }
          }
        }
      }
      if (this.missing.size > 0) return;
      if (!grown) {
        this.regroup(scope, members, clusters);
        return;
      }
    }
  }

  private run(scope: ReadonlySet<Cell>): { members: readonly GraphNode[]; clusters: Clusters } {
    const run = ++this.runs;
    const members: GraphNode[] = [];
    for (const cell of scope) {
      for (const node of cell.nodes) {
        if (!node.active) continue;
        node.run = run;
        node.place = members.push(node) - 1;
      }
    }
    const links: OrderedLink[] = [];
    const apart: Apart[] = [];
    for (const node of members) {
      for (const link of node.incident.values()) {
        if (link.a !== node || link.b.run !== run) continue;
        if (link.edge.kind === "cannot-link") apart.push([node.place, link.b.place]);
        else if (connects(link.edge.kind)) {
          links.push(orderedLink(link.edge, node.place, link.b.place, node.rank, link.b.rank));
        }
      }
    }
    links.sort(compareLinks);
    const clusters = new Clusters(members, this.rules, apart);
    for (const { edge, a, b } of links) if (clusters.find(a) !== clusters.find(b)) clusters.unite(a, b, edge.kind);
    return { members, clusters };
  }

  private regroup(scope: ReadonlySet<Cell>, members: readonly GraphNode[], clusters: Clusters): void {
    const groups = new Map<number, GraphNode[]>();
    for (const node of members) {
      const root = clusters.find(node.place);
      const group = groups.get(root);
      if (group) group.push(node);
      else groups.set(root, [node]);
    }
    let before: GraphNode | undefined;
    for (const cell of scope) {
      for (const node of cell.nodes) {
        if (before) this.entangled(before, node);
        before = node;
        break;
      }
    }
    for (const [root, group] of groups) {
      const [first] = group;
      if (!first) continue;
      let cell = first.cell;
      if (cell.nodes.length !== group.length || group.some((node) => node.cell !== cell)) {
        cell = new Cell();
        for (const node of group) {
          cell.nodes.push(node);
          remove(node.cell, node);
          node.cell = cell;
        }
      }
      cell.counts = clusters.counts(root);
    }
  }
}

function remove(cell: Cell, node: GraphNode): void {
  const place = cell.nodes.indexOf(node);
  if (place >= 0) cell.nodes.splice(place, 1);
}

/** Whether an end is known to take no part. */
function isIdle({ a, b }: GraphLink): boolean {
  return (a.loaded && !a.active) || (b.loaded && !b.active);
}

/** Whether the run left a cluster's identifiers in one cluster. */
function staysTogether(cell: Cell, clusters: Clusters): boolean {
  let root = -1;
  for (const node of cell.nodes) {
    if (!node.active) continue;
    const found = clusters.find(node.place);
    if (root !== -1 && found !== root) return false;
    root = found;
  }
  return true;
}
