import { type LakeTable, rule } from "@tributary/model";
import { column, envelope } from "./columns";

/** Money of one unit: four decimals, as some sources price in parts of a cent. Products with integers stay exact. */
const unitMoney = "decimal(18,4)";
/** Sums of money. */
const sumMoney = "decimal(28,4)";

/** Events with the parts of their payload, for analysis. */
export const curatedEvents: LakeTable = {
  zone: "curated",
  name: "events",
  description: "Every event once, with the parts of its payload",
  columns: [
    ...envelope,
    column("type", "string", "internal", "track, identify, page, screen, group or alias"),
    column("event", "string", "internal", "Name of the track event, page or screen"),
    column("user_id", "string", "personal", "Known id"),
    column("anonymous_id", "string", "personal", "Device or session id"),
    column("occurred_at", "timestamp", "internal", "Event time, corrected for the client's clock"),
    column("received_at", "timestamp", "internal", "When it arrived"),
    column("properties", "string", "personal", "JSON: about the action"),
    column("traits", "string", "sensitive", "JSON: about the person or group"),
    column("context", "string", "sensitive", "JSON: about the surroundings"),
  ],
  partitionBy: ["dt"],
  primaryKey: ["source_id", "message_id"],
  incremental: "partition",
  order: ["event", "received_at"],
  presorted: true,
};

/** One row per product of each order event. */
export const orderLines: LakeTable = {
  zone: "curated",
  name: "order_lines",
  description: "One row per product of an order; refunded and cancelled lines count negative",
  columns: [
    column("invoice", "string", "internal", "The order's id"),
    column("line", "int", "internal", "Position in the order as stated, else counted from 1"),
    column("sku", "string", "internal", "Product"),
    column("quantity", "int", "internal", "Units; negative where refunded or cancelled"),
    column("unit_price", unitMoney, "internal", "Price of one unit, in currency"),
    column("customer_id", "string", "personal", "Known id of the customer; null for anonymous orders"),
    column("country", "string", "internal", "Stated with the order, else where the event came from"),
    column("ordered_at", "timestamp", "internal", "When the order, refund or cancellation happened"),
    column("currency", "string", "internal", "ISO 4217"),
    column("product_name", "string", "internal", "Product's name"),
    column("event", "string", "internal", "Order Completed, Order Refunded or Order Cancelled"),
    ...envelope,
    column("product_index", "int", "internal", "Place of the product in the message, from 0"),
  ],
  partitionBy: ["dt"],
  primaryKey: ["source_id", "message_id", "product_index"],
  incremental: "partition",
  quality: [
    rule.notNull("source_id", "message_id", "product_index"),
    rule.range("product_index", { min: 0 }),
    rule.accepted("event", ["Order Completed", "Order Refunded", "Order Cancelled"]),
  ],
};

/** One row per order. */
export const orders: LakeTable = {
  zone: "curated",
  name: "orders",
  description: "One row per order of a source: what is left after refunds and cancellations under the same id",
  columns: [
    column("source_id", "string", "internal", "Source that the order came from"),
    column("invoice", "string", "internal", "The order's id"),
    column("customer_id", "string", "personal", "Known id of the customer; null for anonymous orders"),
    column("country", "string", "internal", "Country of the order"),
    column("currency", "string", "internal", "ISO 4217"),
    column("ordered_at", "timestamp", "internal", "When it was first ordered"),
    column("line_count", "bigint", "internal", "Lines, refunded ones too"),
    column("quantity", "bigint", "internal", "Units left"),
    column("revenue", sumMoney, "internal", "Sum of quantity × unit price"),
  ],
  partitionBy: [],
  primaryKey: ["source_id", "invoice"],
  incremental: "key",
  groupBy: ["source_id", "invoice"],
  // Some shops' order events lack their id: such orders come to one row of the source.
  quality: [rule.notNull("source_id"), rule.range("line_count", { min: 1 })],
};

/** One row per known customer. */
export const customers: LakeTable = {
  zone: "curated",
  name: "customers",
  description: "One row per known customer of a source",
  columns: [
    column("source_id", "string", "internal", "Source that knows the customer by this id"),
    column("customer_id", "string", "personal", "Known id"),
    column("country", "string", "internal", "Country of the latest order"),
    column("orders", "bigint", "internal", "Orders, refunds under ids of their own too"),
    column("first_ordered_at", "timestamp", "internal", "First order"),
    column("last_ordered_at", "timestamp", "internal", "Latest order"),
    column("quantity", "bigint", "internal", "Units left after refunds"),
    column("revenue", sumMoney, "internal", "Sum over the orders"),
  ],
  partitionBy: [],
  primaryKey: ["source_id", "customer_id"],
  quality: [rule.notNull("source_id", "customer_id"), rule.range("orders", { min: 1 })],
};
