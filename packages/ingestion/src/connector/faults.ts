import { comparisons, type FieldDefinition, fieldTypes, writeOperations } from "./definition";

/** A fault of a definition; the shape of core's `Fault`, which Lambda's side must not import. */
export interface ConnectorFault {
  readonly path: string;
  readonly reason: string;
}

type Bag = Readonly<Record<string, unknown>>;
const isBag = (value: unknown): value is Bag => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const shown = (value: unknown) => (value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value)));

/** Names in braces of a template: `/contacts/{id}` → `["id"]`. */
export function placeholders(template: string): string[] {
  return [...template.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] ?? "");
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Why an address may not be called, or undefined where it may: credentials and customer data go over TLS. */
export function addressFault(text: string): string | undefined {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return "is no URL such as https://api.example.com";
  }
  if (url.username !== "" || url.password !== "") return "has credentials in it; use auth";
  if (url.protocol === "https:" || (url.protocol === "http:" && loopback.test(url.hostname))) return undefined;
  return "would send credentials in the clear; use https:// (http:// is for loopback hosts)";
}

/** Every fault of a connector's definition, which may be of any type. */
export function connectorFaults(definition: unknown, at = ""): ConnectorFault[] {
  const faults: ConnectorFault[] = [];
  const fault = (path: string, reason: string) => faults.push({ path: `${at}${path}`, reason });
  if (!isBag(definition)) return [{ path: at || "(definition)", reason: `${shown(definition)} must be an object` }];
  const { name, version, baseUrl, auth, entities, settings, apiVersions } = definition;
  if (!isText(name) || !/^[A-Za-z][\w-]{0,63}$/.test(name)) {
    fault("name", `${shown(name)} must be letters, digits, "-" and "_", beginning with a letter, at most 64`);
  }
  if (!isText(version)) fault("version", `${shown(version)} must be text such as "1.0"`);
  if (apiVersions !== undefined && !(Array.isArray(apiVersions) && apiVersions.length > 0 && apiVersions.every(isText)))
    fault("apiVersions", `${shown(apiVersions)} must be a list of one or more texts`);
  const settingNames = isBag(settings) ? Object.keys(settings) : [];
  if (settings !== undefined && !isBag(settings)) fault("settings", `${shown(settings)} must be an object by name`);
  for (const [key, setting] of Object.entries(isBag(settings) ? settings : {})) {
    if (!isBag(setting) || !isText(setting.label))
      fault(`settings.${key}`, "needs a label: what the user is asked for");
  }
  if (!isText(baseUrl)) fault("baseUrl", `${shown(baseUrl)} must be a URL such as "https://api.example.com"`);
  else {
    const unknown = placeholders(baseUrl).filter((each) => each !== "apiVersion" && !settingNames.includes(each));
    for (const each of unknown)
      fault("baseUrl", `has {${each}}, which is no setting; there is ${["apiVersion", ...settingNames].join(", ")}`);
    // A base that is a setting alone (`{instanceUrl}`) is checked when it is known.
    const why = baseUrl.startsWith("{") ? undefined : addressFault(baseUrl.replace(/\{[^{}]*\}/g, "x"));
    if (why !== undefined) fault("baseUrl", why);
  }
  const auths: readonly unknown[] = Array.isArray(auth) ? auth : [auth];
  if (auths.length === 0) fault("auth", "is empty; give apiKey(), basicAuth(), oauth2() or customAuth()");
  for (const each of auths) for (const reason of authFaults(each)) fault("auth", reason);
  if (!isBag(entities) || Object.keys(entities).length === 0) {
    fault("entities", "names none; give one such as { contacts: { fields, identifier, list } }");
    return faults;
  }
  for (const [key, entity] of Object.entries(entities)) faults.push(...entityFaults(`${at}entities.${key}`, entity));
  return faults;
}

function authFaults(auth: unknown): string[] {
  const makers = "apiKey(), basicAuth(), oauth2() or customAuth()";
  if (!isBag(auth)) return [`${shown(auth)} is no way to sign in; make it by ${makers}`];
  switch (auth.type) {
    case "ApiKey":
      return auth.header !== undefined && auth.parameter !== undefined
        ? ["gives both header and parameter; leave one out"]
        : [];
    case "BasicAuth":
      return [];
    case "OAuth2": {
      const urls = [...list(auth.tokenUrls), ...list(auth.authUrls)];
      const none = list(auth.tokenUrls).length === 0 ? ["oauth2() needs tokenUrls"] : [];
      const code = list(auth.grantTypes).includes("AUTHORIZATION_CODE") && list(auth.authUrls).length === 0;
      return [
        ...none,
        ...(code ? ["oauth2() with AUTHORIZATION_CODE needs authUrls"] : []),
        ...urls.flatMap((url) => {
          const why = addressFault(String(url));
          return why === undefined ? [] : [`${shown(url)} ${why}`];
        }),
      ];
    }
    case "CustomAuth":
      return [
        ...(isText(auth.name) ? [] : ["customAuth() needs a name"]),
        ...(isBag(auth.parameters) && Object.keys(auth.parameters).length > 0 ? [] : ["customAuth() needs parameters"]),
        ...(typeof auth.apply === "function" ? [] : ["customAuth() needs apply: a function that signs a call"]),
      ];
    default:
      return [`${shown(auth.type)} is no way to sign in; make it by ${makers}`];
  }
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function entityFaults(path: string, entity: unknown): ConnectorFault[] {
  if (!isBag(entity))
    return [{ path, reason: `${shown(entity)} must be an object such as { fields, identifier, list }` }];
  const faults: ConnectorFault[] = [];
  const fault = (part: string, reason: string) => faults.push({ path: `${path}${part}`, reason });
  const fields = isBag(entity.fields) ? entity.fields : {};
  const names = Object.keys(fields);
  if (names.length === 0) fault(".fields", 'names none; give one such as { id: "String" }');
  for (const [name, field] of Object.entries(fields)) {
    const { type } = isBag(field) ? (field as unknown as FieldDefinition) : { type: field };
    // AppFlow's filters could not name any other.
    if (!/^[A-Za-z][\w-]*$/.test(name))
      fault(`.fields.${name}`, "must be named by letters, digits, _ and -; use list.map");
    if (!(fieldTypes as readonly unknown[]).includes(type)) {
      fault(`.fields.${name}`, `${shown(type)} is no type; there is ${fieldTypes.join(", ")}`);
    }
  }
  if (!isText(entity.identifier) || !names.includes(entity.identifier)) {
    fault(".identifier", `${shown(entity.identifier)} must be one of the fields ${names.join(", ")}`);
  }
  if (!isBag(entity.list) || !isPath(entity.list.path)) fault(".list.path", 'must be a path such as "/contacts"');
  else faults.push(...listFaults(`${path}.list`, entity.list, names));
  if (entity.get !== undefined && !(isBag(entity.get) && isPath(entity.get.path)))
    fault(".get.path", 'must be a path such as "/contacts/{id}"');
  for (const [operation, write] of Object.entries(isBag(entity.write) ? entity.write : {})) {
    if (!(writeOperations as readonly string[]).includes(operation)) {
      fault(`.write.${operation}`, `is no operation; there is ${writeOperations.join(", ")}`);
    } else if (
      !isBag(write) ||
      !isPath(write.path) ||
      !["POST", "PUT", "PATCH", "DELETE"].includes(String(write.method))
    ) {
      fault(`.write.${operation}`, 'must be such as { method: "POST", path: "/contacts" }');
    } else {
      for (const name of placeholders(write.path).filter((each) => !names.includes(each)))
        fault(`.write.${operation}.path`, `has {${name}}, which is no field; there is ${names.join(", ")}`);
    }
  }
  return faults;
}

const isPath = (value: unknown): value is string => isText(value) && value.startsWith("/");

function listFaults(path: string, given: Bag, names: readonly string[]): ConnectorFault[] {
  const faults: ConnectorFault[] = [];
  const fault = (part: string, reason: string) => faults.push({ path: `${path}${part}`, reason });
  const { paging, pageSize, filters } = given;
  if (paging !== undefined) {
    const kind = isBag(paging) ? paging.kind : undefined;
    if (!isBag(paging) || !["cursor", "page", "offset", "url", "none"].includes(String(kind))) {
      fault(".paging", `${shown(paging)} is no paging; its kind is cursor, page, offset, url or none`);
    } else if (["cursor", "page", "offset"].includes(String(kind)) && !isText(paging.parameter)) {
      fault(".paging.parameter", `is missing: the query parameter that carries the ${kind}`);
    } else if (kind === "cursor" && !isText(paging.next)) {
      fault(".paging.next", "is missing: the dotted path of the next cursor in the answer");
    } else if ((kind === "page" || kind === "offset") && pageSize === undefined) {
      fault(".pageSize", `is missing: with ${kind} paging, only a page shorter than asked for is known to be the last`);
    }
  }
  if (
    pageSize !== undefined &&
    !(isBag(pageSize) && isText(pageSize.parameter) && Number.isInteger(pageSize.most) && Number(pageSize.most) > 0)
  )
    fault(".pageSize", `${shown(pageSize)} must be such as { parameter: "limit", most: 100 }`);
  for (const [field, by] of Object.entries(isBag(filters) ? filters : {})) {
    if (!names.includes(field)) fault(`.filters.${field}`, `is no field; there is ${names.join(", ")}`);
    for (const [comparison, parameter] of Object.entries(isBag(by) ? by : {})) {
      if (!(comparisons as readonly string[]).includes(comparison))
        fault(`.filters.${field}.${comparison}`, `is no comparison; there is ${comparisons.join(" ")}`);
      else if (!isText(parameter))
        fault(`.filters.${field}.${comparison}`, `${shown(parameter)} must be the name of a query parameter`);
    }
  }
  return faults;
}
