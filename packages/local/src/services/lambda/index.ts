import type { Kernel, Realiser } from "../../kernel";
import { EventSourceMappings } from "./event-source/mappings";
import { Host } from "./host";
import { lambdaRealisers } from "./realisers";
import { LambdaService } from "./service";

/** What running invocations may still take when the runtime closes, in milliseconds. */
const closeGraceMs = 2_000;

/** Lambda: functions in workers, their resource policies, asynchronous invocations and event source mappings. */
export function install(kernel: Kernel): Realiser[] {
  const host = new Host(kernel);
  const mappings = new EventSourceMappings(kernel, host);
  kernel.lambda = host;
  kernel.register(new LambdaService(host, mappings));
  kernel.onClose(async () => {
    // What runs may end; what runs on is cut off: streams, queues and asynchronous events keep what was not done.
    const cut = setTimeout(() => void host.stopEnvironments(), closeGraceMs);
    await mappings.close();
    await host.close();
    clearTimeout(cut);
  });
  return lambdaRealisers(host, mappings);
}
