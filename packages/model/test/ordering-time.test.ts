import { orderingTime } from "../src";

const at = (time: string) => Date.parse(time);

describe("orderingTime", () => {
  test.each([
    ["no stated time: the time of arrival", undefined, "2026-10-01T12:00:00.000Z", "2026-10-01T12:00:00.000Z"],
    [
      "a good clock, however long the request took",
      "2026-10-01T12:00:00.000Z",
      "2026-10-01T12:00:04.321Z",
      "2026-10-01T12:00:00.000Z",
    ],
    ["a replay minutes later", "2026-10-01T12:00:00.000Z", "2026-10-01T12:07:00.000Z", "2026-10-01T12:00:00.000Z"],
    ["local time sent as UTC", "2026-10-01T17:30:00.000Z", "2026-10-01T12:00:01.000Z", "2026-10-01T12:00:00.000Z"],
    ["a clock a year ahead", "2027-10-01T12:00:00.000Z", "2026-10-01T12:00:02.000Z", "2026-10-01T12:00:00.000Z"],
  ])("%s", (_name, originalTimestamp, timestamp, expected) => {
    expect(orderingTime({ timestamp, ...(originalTimestamp ? { originalTimestamp } : {}) })).toBe(at(expected));
  });

  test("two deliveries of two events keep the events' order", () => {
    const first = "2026-10-01T12:00:00.000Z";
    const second = "2026-10-01T12:00:01.000Z";
    const slow = orderingTime({ originalTimestamp: first, timestamp: "2026-10-01T12:00:03.000Z" });
    const quick = orderingTime({ originalTimestamp: second, timestamp: "2026-10-01T12:00:01.001Z" });
    expect(slow).toBeLessThan(quick);
  });
});
