import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Kernel, LocalRuntimeError, type Table } from "../../kernel";

interface Assignment {
  /** 1 for the API that was created first, and so on. */
  readonly ordinal: number;
  /** The port it last listened on. */
  readonly port?: number;
}

/**
 * Which port an HTTP API listens on, by its URN, so that its URL stays the same. With a base port, APIs take the ports
 * after it in the order in which they were first created; without one, the system picks once.
 */
export class Ports {
  private readonly table: Table<Assignment>;

  constructor(private readonly kernel: Kernel) {
    this.table = kernel.store.table<Assignment>("apigatewayv2.ports");
  }

  /**
   * Makes the server listen on the API's port, on the loopback interface only.
   * @throws LocalRuntimeError where another program has the port
   */
  async listen(server: Server, urn: string, name: string): Promise<number> {
    const assignment = await this.assign(urn);
    const base = this.kernel.options.port ?? 0;
    const wanted = base > 0 ? base + assignment.ordinal : (assignment.port ?? 0);
    const port = await bind(server, wanted).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE" && error.code !== "EACCES") throw error;
      throw new LocalRuntimeError(
        `Port ${wanted}, which the HTTP API "${name}" listens on, is in use.`,
        `Stop the program that has it, or choose other ports with --port ${base > 0 ? base + 1000 : 4566}.`,
      );
    });
    if (port !== assignment.port) {
      await this.kernel.store.write(() => this.table.put(urn, { ...assignment, port }));
    }
    return port;
  }

  async forget(urn: string): Promise<void> {
    await this.kernel.store.write(() => this.table.remove(urn));
  }

  private async assign(urn: string): Promise<Assignment> {
    return await this.kernel.store.write(() => {
      const known = this.table.get(urn);
      if (known) return known;
      const taken = new Set([...this.table.entries()].map(({ value }) => value.ordinal));
      let ordinal = 1;
      while (taken.has(ordinal)) ordinal += 1;
      const assignment = { ordinal };
      this.table.put(urn, assignment);
      return assignment;
    });
  }
}

function bind(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
