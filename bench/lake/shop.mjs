// A believable shop of 30 days, and three more, in the raw zone, made once per size and seed and kept in a cache: events as Firehose
// writes them (Snappy Parquet, a file a quarter of an hour) and the changes of profiles as the profile archiver does.
// 1 % of the events are copies, a third of those a day later; 0.5 % are rejected; 10 % are orders of 1 to 4 products.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { cache } from "../identity/data.mjs";
import { root } from "../support.mjs";

export { cache };
export const days = 30;
/** Days that come on top, one by one. */
export const more = 3;
const filesADay = 96;
const firstDay = Date.UTC(2026, 9, 1);

/** `2026-10-01` and the days after it. */
export const dayOf = (index) => new Date(firstDay + index * 86_400_000).toISOString().slice(0, 10);
/** When the nightly run of a day is: after it. */
export const instantOf = (index) => new Date(firstDay + index * 86_400_000 + 3 * 3_600_000).toISOString();

/** A number below `n` that hangs on the event's place and on what it is for. */
const of = (purpose, n, i = "i") => `(hash(${i} * 32 + ${purpose}) % ${n})::BIGINT`;
const pick = (purpose, ...values) =>
  `([${values.map((value) => `'${value}'`).join(", ")}])[1 + ${of(purpose, values.length)}]`;

/** Rows of raw.events for the messages `i` of a relation of (i, received in µs). */
function eventRows(messages, visitors, also) {
  // Squared: some visitors come often.
  const visitor = `(pow(${of(1, 1_000_000)} / 1000000.0, 2) * ${visitors})::BIGINT`;
  const page = `'{"path":"/' || kind || '/' || product || '","referrer":"' || ${pick(3, "https://www.google.com/", "https://shop.example/", "", "https://www.instagram.com/")} || '","search":"' || ${pick(4, "", "", "", "", "?utm_source=newsletter&utm_campaign=autumn")} || '","url":"https://shop.example/' || kind || '/' || product || '"}'`;
  const agent = pick(
    5,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
  );
  const consent = `'"consent":{"categoryPreferences":{"analytics":true,"marketing":' || (${of(8, 3)} > 0) || '}}}'`;
  const browser = `'{"library":{"name":"analytics.js","version":"2.11.1"},"page":' || page || ',"userAgent":"' || ${agent} || '","locale":"' || ${pick(6, "de-DE", "en-US", "fr-FR", "en-GB")} || '","ip":"203.0.113.' || ${of(7, 256)} || '",' || ${consent}`;
  const phone = `'{"library":{"name":"analytics-swift","version":"1.6.0"},"app":{"name":"The Shop","version":"5.2.' || ${of(7, 9)} || '"},"os":{"name":"iOS","version":"17.5"},"locale":"de-DE",' || ${consent}`;
  const context = `CASE WHEN source_id = 'web' THEN ${browser} ELSE ${phone} END`;
  const item = (n) =>
    `'{"product_id":"p' || ${of(10 + n, 5000)} || '","sku":"SKU-' || ${of(10 + n, 5000)} || '","name":"Product no. ' || ${of(10 + n, 5000)} || '","price":' || (${of(10 + n, 5000)} % 90 + 9) || '.' || (10 + ${of(10 + n, 90)}) || ',"quantity":' || (1 + ${of(15 + n, 3)}) || ',"position":${n}}'`;
  const items = [2, 3, 4].map((n) => `CASE WHEN ${of(9, 4)} >= ${n - 1} THEN ',' || ${item(n)} ELSE '' END`);
  const order = `'{"order_id":"o' || i || '","total":' || (20 + ${of(20, 400)}) || '.' || (10 + ${of(21, 90)}) || ',"currency":"EUR","coupon":"AUTUMN","products":[' || ${[item(1), ...items].join(" || ")} || ']}'`;
  const seen = `'{"product_id":"p' || product || '","sku":"SKU-' || product || '","name":"Product no. ' || product || '","category":"' || ${pick(22, "shoes", "shirts", "coats", "hats", "bags", "toys", "books", "garden")} || '","brand":"Brand ' || (product % 40) || '","price":' || (product % 90 + 9) || '.99}'`;
  const person = `'{"email":"visitor' || visitor || '@example.com","firstName":"' || ${pick(23, "Ann", "Ben", "Cleo", "Dan", "Eva")} || '","lastName":"' || ${pick(24, "Smith", "Müller", "García", "Rossi")} || '","plan":"' || ${pick(25, "free", "gold")} || '","address":{"city":"Berlin","postalCode":"10115","country":"DE"}}'`;
  const quoted = (value) => `CASE WHEN ${value} IS NULL THEN 'null' ELSE '"' || ${value} || '"' END`;
  const iso = (micros) => `strftime(make_timestamp(${micros}), '%Y-%m-%dT%H:%M:%S.%gZ')`;
  return `
    WITH numbered AS (
      SELECT i, received${also ? `, ${also}` : ""}, ${visitor} AS visitor, ${of(2, 1000)} AS die, ${of(26, 5000)} AS product,
        CASE WHEN ${of(2, 1000)} < 450 THEN 'c' ELSE 'p' END AS kind, md5(i::VARCHAR) AS digest
      FROM (${messages})
    ), shaped AS (
      SELECT *, ${pick(28, "web", "web", "web", "app")} AS source_id,
        'ajs-next-' || (1790000000000 + i) || '-' || substr(digest, 1, 8) || '-' || substr(digest, 9, 4) || '-' || substr(digest, 13, 4) || '-' || substr(digest, 17, 12) AS message_id,
        CASE WHEN die >= 995 THEN 'rejected' WHEN die < 450 THEN 'page' WHEN die < 870 THEN 'track' WHEN die < 950 THEN 'identify' WHEN die < 990 THEN 'screen' ELSE 'group' END AS type,
        CASE WHEN die >= 995 THEN NULL WHEN die < 450 THEN 'Category' WHEN die < 545 THEN 'Order Completed' WHEN die < 550 THEN 'Order Refunded' WHEN die < 740 THEN 'Product Viewed'
          WHEN die < 800 THEN 'Product Added' WHEN die < 870 THEN 'Cart Viewed' WHEN die < 950 THEN NULL WHEN die < 990 THEN 'Product' END AS event,
        CASE WHEN visitor % 5 = 0 AND (die BETWEEN 450 AND 550 OR die BETWEEN 870 AND 950 OR die % 2 = 0) THEN 'u' || visitor // 5 END AS user_id,
        'a' || substr(md5(visitor::VARCHAR), 1, 20) AS anonymous_id,
        ${iso(`received - 1000 * (50 + ${of(27, 400)})`)} AS occurred, ${iso("received")} AS arrived,
        ${page} AS page
      FROM numbered
    )
    SELECT ${also ? `${also}, ` : ""}source_id, message_id, type, event, user_id, anonymous_id,
      occurred AS timestamp, occurred AS original_timestamp, occurred AS sent_at, arrived AS received_at,
      CASE WHEN type = 'rejected' THEN '{"type":"track","event":"' || digest || '"' ELSE
        '{"messageId":"' || message_id || '","type":"' || type || '"' || CASE WHEN event IS NULL THEN '' WHEN type = 'track' THEN ',"event":"' || event || '"' ELSE ',"name":"' || event || '"' END
        || ',"userId":' || ${quoted("user_id")} || ',"anonymousId":"' || anonymous_id || '","timestamp":"' || occurred
        || '","context":' || ${context} || CASE
          WHEN type IN ('identify', 'group') THEN ',"traits":' || ${person}
          WHEN event LIKE 'Order %' THEN ',"properties":' || ${order}
          WHEN type = 'track' THEN ',"properties":' || ${seen}
          ELSE ',"properties":' || page END || '}'
      END AS payload,
      'utf8' AS encoding,
      CASE WHEN type = 'rejected' THEN 'invalid-json' END AS reason,
      CASE WHEN type = 'rejected' THEN 'the body ends at 47 inside of an object' END AS detail
    FROM shaped`;
}

/** Rows of raw.profiles: each known visitor's profile and identifiers, as of its change. */
function profileRows(from, to, sequence, day) {
  const known = `profile_id, lpad((${sequence} + n)::VARCHAR, 20, '0') AS sequence, '${day}T12:00:00.000Z' AS changed_at`;
  const seen = `'${dayOf(0)}T08:00:00.000Z' AS first_seen, '${day}T11:00:00.000Z' AS last_seen`;
  const none = (names) => names.map((name) => `NULL AS ${name}`).join(", ");
  const traits = `'{"email":"visitor' || n * 5 || '@example.com","firstName":"Ann","lastName":"Smith","plan":"gold","address":{"city":"Berlin","country":"DE"}}'`;
  const people = `(SELECT n, md5('profile' || n) AS profile_id FROM range(${from}, ${to}) t(n))`;
  const identifier = (type, value) =>
    `SELECT ${known}, 'identifier' AS kind, NULL AS version, '${type}' AS identifier_type, ${value} AS identifier_value, ${seen}, ${none(["traits", "consent", "lineage", "redirect_to"])} FROM ${people}`;
  const columns =
    "profile_id, kind, sequence, changed_at, version, identifier_type, identifier_value, first_seen, last_seen, traits, consent, lineage, redirect_to";
  const all = [
    `SELECT ${known}, 'profile' AS kind, md5('v' || n) AS version, ${none(["identifier_type", "identifier_value"])}, ${seen}, ${traits} AS traits, '{"marketing":{"granted":true,"at":"${day}T10:00:00.000Z"}}' AS consent, '{"email":{"source":"web","identifier":"user_id:u' || n || '","at":"${day}T10:00:00.000Z","strategy":"newest"}}' AS lineage, NULL AS redirect_to FROM ${people}`,
    identifier("user_id", "'u' || n"),
    identifier("email", "'visitor' || n * 5 || '@example.com'"),
    identifier("anonymous_id", "'a' || substr(md5((n * 5)::VARCHAR), 1, 20)"),
  ];
  return `SELECT ${columns} FROM (${all.join(" UNION ALL BY NAME ")})`;
}

/**
 * The shop's raw zone in a folder of the cache: `first/` is what the full run reads, `next/` what comes on top (day
 * by day, and a few late rows for an older one). Files lie as in the bucket.
 */
export async function shop(events, seed = 1) {
  const folder = join(cache, `shop-${events}-${days}+${more}-${seed}`);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  const { DuckDBInstance } = createRequire(join(root, "packages/local/package.json"))("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:", { memory_limit: "2GB", threads: "2" });
  const connection = await instance.connect();
  const perDay = Math.ceil(events / days);
  const visitors = Math.max(1000, Math.floor(events / 10));
  const base = seed * 1_000_000_000;
  const write = async (select, into, name, options) => {
    mkdirSync(into, { recursive: true });
    await connection.run(`COPY (${select}) TO '${join(into, name)}' (${options})`);
  };
  /** A day's rows once, then cut into files in the order that they came. */
  const land = async (zone, day) => {
    const first = day * perDay;
    const start = (firstDay + day * 86_400_000) * 1000;
    const every = Math.floor(86_400_000_000 / perDay);
    const numbers = `FROM range(${first}, ${first + perDay}) t(n)`;
    const at = `${start}::BIGINT + (n - ${first}) * ${every} AS received, n`;
    // A copy comes a little later, or on the next day.
    const back = `CASE WHEN ${of(30, 3, "n")} = 0 THEN ${perDay} ELSE 40 END`;
    const messages = `SELECT ${base}::BIGINT + n AS i, ${at} ${numbers} UNION ALL SELECT ${base}::BIGINT + n - ${back}, ${at} ${numbers} WHERE ${of(29, 100, "n")} = 0 AND n >= ${back}`;
    await connection.run(`CREATE OR REPLACE TABLE day AS ${eventRows(messages, visitors, "n")}`);
    const into = join(partial, zone, "events", `dt=${dayOf(day)}`);
    for (let file = 0; file < filesADay; file++) {
      const [from, to] = [file, file + 1].map((each) => first + Math.floor((perDay * each) / filesADay));
      const rows = `SELECT * EXCLUDE n FROM day WHERE n >= ${from} AND n < ${to}`;
      await write(rows, into, `archive-${String(file).padStart(4, "0")}.parquet`, "FORMAT parquet, COMPRESSION snappy");
    }
  };
  const profiles = async (zone, day, from, to, sequence) =>
    await write(
      profileRows(from, to, sequence, dayOf(day)),
      join(partial, zone, "profiles", `dt=${dayOf(day)}`),
      "changes.json.gz",
      "FORMAT json, COMPRESSION gzip",
    );
  try {
    const known = Math.floor(visitors / 5);
    for (let day = 0; day < days + more; day++) {
      const zone = day < days ? "first" : "next";
      await land(zone, day);
      const [from, to] = [day, day + 1].map((n) => Math.floor((known * n) / (days + more)));
      await profiles(zone, day, from, to, (day + 1) * 1_000_000_000);
      process.stderr.write(`\rmaking ${events} events: day ${day + 1} of ${days + more} `);
    }
    process.stderr.write("\n");
    // Of messages that nothing else has, for a day long gone.
    const late = 9_000_000_000;
    const start = (firstDay + 19 * 86_400_000) * 1000;
    await write(
      eventRows(
        `SELECT ${late}::BIGINT + i AS i, ${start}::BIGINT + i * 1000000 AS received FROM range(50) t(i)`,
        visitors,
      ),
      join(partial, "next", "events", `dt=${dayOf(19)}`),
      "late.parquet",
      "FORMAT parquet, COMPRESSION snappy",
    );
    renameSync(partial, folder);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  return folder;
}

/** Files below a folder, as paths inside of it. */
export const filesBelow = (folder, prefix = "") =>
  readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(folder, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`],
  );
