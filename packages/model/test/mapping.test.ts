import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  applyMapping,
  isRejection,
  type JsonObject,
  type Mapping,
  mappingFaults,
  mappingSchema,
  missingColumns,
  parseItem,
  type Row,
  rejectedItem,
} from "../src";

const file = join(__dirname, "../../../examples/reference/mappings/online-retail.json");
const retail = mappingSchema.parse(JSON.parse(readFileSync(file, "utf8")));
const header = [
  "InvoiceNo",
  "StockCode",
  "Description",
  "Quantity",
  "InvoiceDate",
  "UnitPrice",
  "CustomerID",
  "Country",
];
const line = {
  InvoiceNo: "536365",
  StockCode: "85123A",
  Description: "WHITE HANGING HEART",
  Quantity: "6",
  InvoiceDate: "2010-12-01 08:26:00",
  UnitPrice: "2.55",
  CustomerID: "17850.0",
  Country: "United Kingdom",
};

function mapOne(mapping: Mapping, row: Row, number = 2): ReturnType<typeof applyMapping> {
  return applyMapping(mapping, row, { line: number, file: "0123456789abcdef", counters: new Map() });
}

function mapping(event: Record<string, unknown>): Mapping {
  return mappingSchema.parse({ version: 1, event: { type: { $value: "track" }, ...event } });
}

describe("the mapping of Online Retail", () => {
  test("an order line", () => {
    expect(mapOne(retail, line)).toEqual({
      messageId: "0123456789abcdef:2",
      type: "track",
      event: "Order Completed",
      userId: "17850",
      timestamp: "2010-12-01T08:26:00.000Z",
      properties: {
        order_id: "536365",
        currency: "GBP",
        country: "United Kingdom",
        products: [{ sku: "85123A", name: "WHITE HANGING HEART", quantity: 6, price: 2.55, position: 1 }],
      },
    });
  });

  test.each<[string, Partial<typeof line>, JsonObject]>([
    [
      "a cancellation is a refund with the file's sign",
      { InvoiceNo: "C536379", Quantity: "-1" },
      { event: "Order Refunded" },
    ],
    ["an adjustment stays an order", { InvoiceNo: "A563185", UnitPrice: "-11062.06" }, { event: "Order Completed" }],
    ["a line without a customer is its order's", { CustomerID: "" }, { anonymousId: "order-536365" }],
  ])("%s", (_, change, expected) => {
    const event = mapOne(retail, { ...line, ...change });
    expect(event).toMatchObject(expected);
    expect(parseItem(event, {}, { sourceId: "shop", receivedAt: "2026-01-01T00:00:00.000Z" })).toMatchObject({
      ...expected,
      timestamp: "2010-12-01T08:26:00.000Z",
    });
  });

  test("a line with a customer has no anonymous id, one without has no user id", () => {
    expect(mapOne(retail, line)).not.toHaveProperty("anonymousId");
    expect(mapOne(retail, { ...line, CustomerID: "" })).not.toHaveProperty("userId");
  });

  test("positions count within an invoice, across interleaved lines", () => {
    const place = { file: "f", counters: new Map<string, number>() };
    const positions = ["1", "1", "2", "1", "2"].map((InvoiceNo, index) => {
      const event = applyMapping(retail, { ...line, InvoiceNo }, { ...place, line: index }) as JsonObject;
      return (event.properties as { products: { position: number }[] }).products[0]?.position;
    });
    expect(positions).toEqual([1, 2, 1, 3, 2]);
  });

  test.each<[string, Partial<typeof line>, RegExp]>([
    ["a quantity in words", { Quantity: "six" }, /line 2.*column Quantity: "six" is no number/],
    ["a broken quantity", { Quantity: "1.5" }, /is no whole number/],
    [
      "a day that never was",
      { InvoiceDate: "2010-02-30 08:26:00" },
      /column InvoiceDate: .* is no time of the form yyyy-MM-dd/,
    ],
    ["no price", { UnitPrice: "" }, /column UnitPrice is empty/],
    ["hexadecimal", { UnitPrice: "0x10" }, /is no number/],
  ])("%s cannot be mapped, and goes to quarantine with its line", (_, change, detail) => {
    const rejected = mapOne(retail, { ...line, ...change });
    if (!isRejection(rejected as { type?: unknown })) throw new Error("was mapped");
    const item = rejectedItem(rejected as never, { file: "f", line: 2 }, "the,line");
    const parsed = parseItem(item, {}, { sourceId: "shop", receivedAt: "2026-01-01T00:00:00.000Z" });
    expect(parsed).toMatchObject({ type: "rejected", reason: "unmappable", original: "the,line" });
    expect((parsed as { detail: string }).detail).toMatch(detail);
  });

  test("a missing column is told with the one that was meant", () => {
    expect(missingColumns(retail, header)).toEqual([]);
    const renamed = header
      .map((name) => (name === "InvoiceNo" ? "InvoiceNumber" : name))
      .filter((name) => name !== "CustomerID");
    expect(missingColumns(retail, renamed)).toEqual([
      { column: "InvoiceNo", nearest: "InvoiceNumber" },
      { column: "CustomerID" },
    ]);
  });
});

describe("values", () => {
  test.each<[string, Record<string, unknown>, string, unknown]>([
    ["a decimal keeps exact digits as a number", { as: "decimal" }, "0.10", 0.1],
    [
      "a decimal that a number cannot hold stays text",
      { as: "decimal" },
      "12345678901234567.89",
      "12345678901234567.89",
    ],
    ["a tiny decimal stays text", { as: "decimal" }, "0.00000001", "0.00000001"],
    ["a number", { as: "number" }, "1e3", 1000],
    ["a boolean", { as: "boolean" }, "Yes", true],
    ["blanks around", { as: "integer" }, " 7 ", 7],
    ["American dates", { as: "timestamp", format: "M/d/yyyy H:mm" }, "12/1/2010 8:26", "2010-12-01T08:26:00.000Z"],
    ["an offset", { as: "timestamp", zone: "+02:00" }, "2026-07-01 12:00:00", "2026-07-01T10:00:00.000Z"],
    [
      "London's summer time",
      { as: "timestamp", zone: "Europe/London" },
      "2026-07-01 12:00:00",
      "2026-07-01T11:00:00.000Z",
    ],
    [
      "London's winter time",
      { as: "timestamp", zone: "Europe/London" },
      "2026-01-01 12:00:00",
      "2026-01-01T12:00:00.000Z",
    ],
    [
      "an hour after the clocks went forward",
      { as: "timestamp", zone: "Europe/Berlin" },
      "2026-03-29 03:30:00",
      "2026-03-29T01:30:00.000Z",
    ],
    [
      "a zone of its own wins",
      { as: "timestamp", zone: "Europe/London" },
      "2026-07-01T12:00:00Z",
      "2026-07-01T12:00:00.000Z",
    ],
  ])("%s", (_, options, cell, expected) => {
    const mapped = mapOne(mapping({ properties: { value: { $column: "c", ...options } } }), { c: cell }) as JsonObject;
    expect((mapped.properties as JsonObject).value).toEqual(expected);
  });

  test("templates, first choices, own message ids, cells that are no text", () => {
    const made = mapping({
      messageId: { $template: "{id}/{n}" },
      userId: { $first: [{ $column: "email" }, { $template: "guest-{id}" }] },
      properties: { n: { $column: "n", as: "integer" }, tags: [{ $column: "email" }, { $value: "x" }] },
    });
    expect(mapOne(made, { id: 7, n: 3n, email: null })).toEqual({
      type: "track",
      messageId: "7/3",
      userId: "guest-7",
      properties: { n: 3, tags: ["x"] },
    });
  });
});

describe("a mapping that is wrong says where", () => {
  test.each<[string, unknown, RegExp]>([
    ["no type", { version: 1, event: {} }, /must name the event's "type"/],
    ["a bare value", { version: 1, event: { type: "track" } }, /write \{ "\$value": "track" \}/],
    ["a mistyped word", { version: 1, event: { type: { $colunm: "x" } } }, /is no word of the mapping/],
    ["an unknown type", { version: 1, event: { type: { $column: "x", as: "money" } } }, /Invalid option/],
    ["an unknown option", { version: 1, event: { type: { $column: "x", trim: true } } }, /Unrecognized key: "trim"/],
  ])("%s", (_, value, message) => {
    const result = mappingSchema.safeParse(value);
    expect(
      result.success
        ? ""
        : JSON.stringify(result.error.issues.map((issue) => [issue.path, issue.message])).replaceAll('\\"', '"'),
    ).toMatch(message);
  });

  test("broken expressions and zones are found before the first row", () => {
    expect(mappingFaults(mapping({ userId: { $column: "x", replace: { matches: "(", with: "" } } }))).toHaveLength(1);
    expect(mappingFaults(mapping({ userId: { $column: "x", as: "timestamp", zone: "Europe/Londres" } }))).toHaveLength(
      1,
    );
    expect(mappingFaults(retail)).toEqual([]);
  });
});
