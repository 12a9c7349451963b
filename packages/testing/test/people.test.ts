import { householdRecords, junkEmails, type PersonRecord } from "../src/people";

const records = [...householdRecords(20_000, 7)];
const share = (test: (record: PersonRecord) => boolean) => records.filter(test).length / records.length;

describe("synthetic people in households", () => {
  test("the same seed gives the same people, another gives others", () => {
    const [again] = householdRecords(1, 7);
    expect(again).toEqual(records[0]);
    const [other] = householdRecords(1, 8);
    expect(other).not.toEqual(records[0]);
  });

  test("have ids of their own, about 2.5 records a person, and leave out what people leave out", () => {
    expect(new Set(records.map((record) => record.record_id)).size).toBe(records.length);
    const people = new Set(records.map((record) => record.person)).size;
    expect(records.length / people).toBeCloseTo(2.5, 0);
    for (const column of ["email", "phone", "dob"] as const) {
      expect(share((record) => record[column] === "")).toBeGreaterThan(0.34);
      expect(share((record) => record[column] === "")).toBeLessThan(0.41);
    }
    expect(share((record) => junkEmails.includes(record.email))).toBeCloseTo(0.002, 3);
  });

  test("share surname and street with the one before in a third of cases", () => {
    const first = new Map(records.toReversed().map((record) => [Number(record.person), record]));
    let together = 0;
    for (const [person, { last_name, street }] of first) {
      const before = first.get(person - 1);
      if (before && street !== "" && before.street === street && before.last_name === last_name) together++;
    }
    expect(together / first.size).toBeGreaterThan(0.2);
    expect(together / first.size).toBeLessThan(0.36);
  });
});
