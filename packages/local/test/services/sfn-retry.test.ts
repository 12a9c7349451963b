import { covers, Retries } from "../../src/services/sfn/retry";
import { StateError } from "../../src/services/sfn/state-error";

const retrier = (fields: Record<string, unknown> = {}) => ({
  ErrorEquals: ["States.Timeout"],
  IntervalSeconds: 1,
  MaxAttempts: 3,
  BackoffRate: 2,
  JitterStrategy: "NONE" as const,
  ...fields,
});
const waits = (retriers: ReturnType<typeof retrier>[], errors: string[], random = () => 0.5) => {
  const retries = new Retries(retriers);
  return errors.map((error) => retries.next(new StateError(error, ""), random));
};
const late = ["States.Timeout", "States.Timeout", "States.Timeout", "States.Timeout"];

describe("waits between retries (Retrying after error)", () => {
  it.each([
    ["3 and 6 seconds", [retrier({ IntervalSeconds: 3, MaxAttempts: 2 })], late, [3, 6, undefined, undefined]],
    [
      "at most MaxDelaySeconds",
      [retrier({ IntervalSeconds: 3, MaxAttempts: 2, MaxDelaySeconds: 4 })],
      late,
      [3, 4, undefined, undefined],
    ],
    ["the defaults: 1, 2 and 4", [retrier()], late, [1, 2, 4, undefined]],
    ["a rate of 1 stays", [retrier({ BackoffRate: 1 })], late, [1, 1, 1, undefined]],
    [
      "FULL jitter is a share of the wait",
      [retrier({ JitterStrategy: "FULL" as const })],
      late,
      [0.5, 1, 2, undefined],
    ],
    [
      "FULL jitter is a share of the capped wait",
      [retrier({ JitterStrategy: "FULL" as const, MaxDelaySeconds: 2 })],
      late,
      [0.5, 1, 1, undefined],
    ],
    [
      "Complex retry scenarios: 1, 2, 5, none",
      [
        retrier({ ErrorEquals: ["ErrorA", "ErrorB"], MaxAttempts: 2 }),
        retrier({ ErrorEquals: ["ErrorC"], IntervalSeconds: 5 }),
      ],
      ["ErrorA", "ErrorB", "ErrorC", "ErrorB"],
      [1, 2, 5, undefined],
    ],
  ])("%s", (_, retriers, errors, expected) => {
    expect(waits(retriers, errors)).toEqual(expected);
  });
});

describe("which names cover which errors (Appendix A)", () => {
  it.each([
    ["States.ALL", "Mine", true],
    ["States.ALL", "States.Timeout", true],
    ["States.ALL", "States.Runtime", false],
    ["States.ALL", "States.DataLimitExceeded", false],
    ["States.TaskFailed", "Mine", true],
    ["States.TaskFailed", "States.Timeout", false],
    ["States.TaskFailed", "States.HeartbeatTimeout", false],
    ["States.Timeout", "States.HeartbeatTimeout", true],
    ["States.HeartbeatTimeout", "States.Timeout", false],
    ["Mine", "mine", false],
  ])("%s and %s: %s", (name, error, expected) => {
    expect(covers([name], error)).toBe(expected);
  });
});
