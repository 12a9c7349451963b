import type { Kernel, Realiser } from "../../kernel";
import { busesOf } from "./buses";
import { eventService } from "./operations";
import { eventRealisers } from "./realisers";

export { compilePattern, type EventPattern } from "./pattern";

/** EventBridge: buses, rules on patterns and schedules, targets with input transformers, retries and dead letters. */
export function install(kernel: Kernel): Realiser[] {
  kernel.register(eventService(kernel, busesOf(kernel)));
  return eventRealisers;
}
