import { isJsonObject, isoTime, type Json, type JsonObject, rejectedItem, rejection } from "@tributary/model";
import { type Call, type Calls, stated } from "./calls";

/**
 * Snowplow's tracker protocol. Source: "Event parameters" and "Atomic event properties" in Snowplow's documentation, and
 * what the Node tracker 4.8 was seen to send.
 */

type Text = string | undefined;

/** Parameters that have a field of their own in an event; all others are kept in `context.snowplow.parameters`. */
const translated = new Set(
  [
    "e eid aid uid duid nuid tnuid dtm stm ttm tv url page refr lang tz ua res ip ue_px ue_pr cx co",
    "se_ca se_ac se_la se_pr se_va tr_id tr_af tr_tt tr_tx tr_sh tr_ci tr_st tr_co tr_cu ti_id ti_sk ti_nm ti_na ti_ca ti_pr ti_qu ti_cu",
  ].flatMap((names) => names.split(" ")),
);

/** Epoch milliseconds in text, as ISO 8601; anything else as it is, for the reader of events to refuse. */
function time(value: Text): Text {
  if (value === undefined) return undefined;
  const at = Number(value);
  return /^\d{1,15}$/.test(value) && at <= 8.64e15 ? isoTime(at) : value;
}

function number(value: Text): Json | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : value;
}

/** JSON in base64url (`…_px`, `cx`) or as text (`…_pr`, `co`); undefined where there is none. Throws SyntaxError. */
function json(packed: Text, plain: Text): unknown {
  if (packed) return JSON.parse(Buffer.from(packed, "base64url").toString("utf8"));
  return plain ? JSON.parse(plain) : undefined;
}

/** `iglu:com.acme/order_placed/jsonschema/1-0-0` → vendor and name. */
function schemaName(schema: unknown): { readonly vendor: string; readonly name: string } | undefined {
  const found = typeof schema === "string" ? /^iglu:([^/]+)\/([^/]+)\//.exec(schema) : null;
  return found ? { vendor: found[1] ?? "", name: found[2] ?? "" } : undefined;
}

interface Entity {
  readonly schema: string;
  readonly data: Json;
}

function entitiesOf(contexts: unknown): Entity[] {
  const data = isJsonObject(contexts) ? contexts.data : undefined;
  if (!Array.isArray(data)) return [];
  return data.filter((each): each is JsonObject & Entity => isJsonObject(each) && typeof each.schema === "string");
}

/** The device of a mobile app: its tracker has no cookie, and says who it is in the session's entity. */
function sessionUser(entities: readonly Entity[]): Text {
  const session = entities.find(({ schema }) => schemaName(schema)?.name === "client_session")?.data;
  return isJsonObject(session) && typeof session.userId === "string" ? session.userId : undefined;
}

function pageOf(p: Record<string, Text>): JsonObject {
  return stated({ url: p.url, title: p.page, referrer: p.refr });
}

/** What happened, by the kind of event; a kind that is not known is a track call by its name. */
function happened(p: Record<string, Text>, selfDescribing: unknown): JsonObject {
  switch (p.e) {
    case "pv":
      return stated({ type: "page", name: p.page, properties: pageOf(p) });
    case "pp":
      return { type: "track", event: "Page Ping", properties: pageOf(p) };
    case "se":
      return {
        ...stated({ type: "track", event: p.se_ac }),
        properties: stated({ category: p.se_ca, label: p.se_la, property: p.se_pr, value: number(p.se_va) }),
      };
    case "tr":
      return {
        type: "track",
        event: "Order Completed",
        properties: stated({
          order_id: p.tr_id,
          affiliation: p.tr_af,
          total: number(p.tr_tt),
          tax: number(p.tr_tx),
          shipping: number(p.tr_sh),
          city: p.tr_ci,
          state: p.tr_st,
          country: p.tr_co,
          currency: p.tr_cu,
        }),
      };
    case "ti":
      return {
        type: "track",
        event: "Order Item",
        properties: stated({
          order_id: p.ti_id,
          sku: p.ti_sk,
          name: p.ti_nm ?? p.ti_na,
          category: p.ti_ca,
          price: number(p.ti_pr),
          quantity: number(p.ti_qu),
          currency: p.ti_cu,
        }),
      };
    case "ue":
      return selfDescribed(selfDescribing);
    default:
      return stated({ type: "track", event: p.e });
  }
}

function selfDescribed(outer: unknown): JsonObject {
  const event = isJsonObject(outer) && isJsonObject(outer.data) ? outer.data : {};
  const named = schemaName(event.schema);
  const properties = isJsonObject(event.data) ? event.data : {};
  if (named?.name === "screen_view") {
    return stated({ type: "screen", name: properties.name, properties });
  }
  // Without a schema there is no name: the reader of events says that it is missing.
  return { ...stated({ type: "track", event: named?.name }), properties };
}

function resolution(res: Text): JsonObject {
  const [, width, height] = /^(\d+)x(\d+)$/.exec(res ?? "") ?? [];
  return width === undefined ? {} : { width: Number(width), height: Number(height) };
}

function translate(p: Record<string, Text>): JsonObject {
  const selfDescribing = json(p.ue_px, p.ue_pr);
  const entities = entitiesOf(json(p.cx, p.co));
  const schema = isJsonObject(selfDescribing) && isJsonObject(selfDescribing.data) && selfDescribing.data.schema;
  const rest = Object.entries(p).filter(([name]) => !translated.has(name));
  return {
    ...happened(p, selfDescribing),
    ...stated({
      messageId: p.eid,
      userId: p.uid,
      anonymousId: p.duid || sessionUser(entities) || p.tnuid || p.nuid,
      // A stated true time needs no correction; without it, the device's time and when it was sent.
      timestamp: time(p.ttm || p.dtm),
      sentAt: p.ttm ? undefined : time(p.stm),
    }),
    context: stated({
      library: stated({ name: "snowplow", version: p.tv }),
      app: stated({ name: p.aid }),
      page: pageOf(p),
      locale: p.lang,
      timezone: p.tz,
      userAgent: p.ua,
      ip: p.ip,
      screen: resolution(p.res),
      snowplow: stated({
        schema: typeof schema === "string" ? schema : undefined,
        entities: entities.map(({ schema: name, data }) => ({ schema: name, data })),
        parameters: Object.fromEntries(rest) as JsonObject,
      }),
    }),
  };
}

function callOf(raw: unknown): Call {
  if (!isJsonObject(raw)) return { item: raw };
  const parameters: Record<string, Text> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (value !== null && value !== undefined)
      parameters[name] = typeof value === "string" ? value : JSON.stringify(value);
  }
  const writeKey = parameters.aid === undefined ? {} : { writeKey: parameters.aid };
  try {
    return { item: translate(parameters), ...writeKey };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const original = JSON.stringify(raw);
    const broken = rejection("unmappable", "ue_px, cx", "is not JSON in base64url; the tracker's payload is damaged");
    const item = rejectedItem(broken, { file: "snowplow", line: 0 }, original);
    return { item: { ...item, messageId: parameters.eid ?? null }, ...writeKey };
  }
}

/** The events of a tracker's POST: `{schema: "iglu:…/payload_data/…", data: [{…}]}`. */
export function snowplowPost(body: unknown): Calls {
  const data = isJsonObject(body) ? body.data : undefined;
  if (!Array.isArray(data))
    return { fault: 'the body must be Snowplow\'s payload_data: {"schema":"iglu:…","data":[…]}' };
  return { calls: data.map(callOf), outer: {} };
}

/** The event of a tracker's GET. */
export function snowplowGet(query: Readonly<Record<string, string | undefined>>): Calls {
  return { calls: [callOf({ ...query } as JsonObject)], outer: {} };
}
