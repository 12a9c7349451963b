import { comparisonsOf } from "../src/probabilistic/comparisons";
import { buildFamily, type Family } from "../src/probabilistic/dictionary";
import type { Column } from "../src/probabilistic/encode";

/** A column of e-mail addresses, each of them a record's. */
function addresses(values: readonly string[]): Column {
  const encoded = values.map((value) => new TextEncoder().encode(value));
  const raw = Int32Array.from(values.flatMap((_, at) => [at, at]));
  const codes = new Int32Array(values.length);
  const texts = {
    raw,
    lengths: Int32Array.from(encoded, ({ length }) => length),
    bytes: Uint8Array.from(encoded.flatMap((one) => [...one])),
  };
  const places = Int32Array.from(values.keys());
  const request = {
    fields: [{ texts, raw, codes }],
    places,
    place: 0,
    taken: new Int32Array(new SharedArrayBuffer(4)),
  };
  const { dictionary, counts } = buildFamily(request) as Family;
  expect(buildFamily(request)).toBeUndefined();
  const field = { name: "email", role: "email", columns: ["email"], family: "email", personal: false } as const;
  const [count] = counts as [Int32Array];
  return { field, role: "email", codes, dictionary, counts: count, known: values.length + 1, distinct: values.length };
}

test("addresses: an edit anywhere is one, even where it makes or takes an @", () => {
  const column = addresses(["ann.lee@x.org", "ann@lee@x.org", "ann.lee@y.com", "ann.leo@x.org", "zoe@q.net"]);
  const [comparison] = comparisonsOf([column]);
  const level = (b: number) =>
    comparison?.levels[comparison.unlike(column.codes[0] as number, column.codes[b] as number, 0, b)];
  expect([1, 2, 3, 4].map(level)).toEqual(["one edit", "equal before the @", "one edit", "differs"]);
});
