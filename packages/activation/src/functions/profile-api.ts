import {
  compileRules,
  explain,
  type Identifier,
  type IdentityRules,
  nodeKey,
  type Profile,
  parseIdentifier,
} from "@tributary/model";
import { logger, type ProfileStore } from "@tributary/runtime";
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";

/** Form of our profile ids. */
const profileIdShape = /^p_[0-9a-f]{32}$/;

/** A request that cannot be answered, with what to do about it. */
class RequestFault extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

type Store = Pick<ProfileStore, "byId" | "byIdentifier" | "evidenceBetween">;

/**
 * `GET /v1/profiles/{identifier}` and `GET /v1/profiles/{identifier}/explain?with={identifier}`.
 *
 * @param compute adds the computed traits of the instant of the request
 */
export function makeProfileApi(
  store: Store,
  rules: IdentityRules,
  compute: (profile: Profile) => Promise<Profile> = async (profile) => profile,
): (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2> {
  const log = logger("profile-api");
  return async (event) => {
    try {
      const asked = decoded(event.pathParameters?.identifier ?? "");
      if (!event.rawPath.endsWith("/explain")) {
        return answer(200, await compute(await profileOf(asked, store, rules)));
      }
      const other = event.queryStringParameters?.with;
      if (!other) throw new RequestFault(400, "missing-parameter", "Say whom to compare with: ?with=<type>:<value>.");
      return answer(200, await explanationOf(asked, other, store, rules));
    } catch (error) {
      if (error instanceof RequestFault) {
        return answer(error.status, { error: { code: error.code, message: error.message } });
      }
      log.error("request failed", error as Error);
      return answer(500, { error: { code: "internal", message: "The profile could not be read. Try again." } });
    }
  };
}

async function profileOf(asked: string, store: Store, rules: IdentityRules): Promise<Profile> {
  const profile = profileIdShape.test(asked)
    ? await store.byId(asked)
    : await store.byIdentifier(identifierOf(asked, rules));
  if (profile) return profile;
  throw new RequestFault(404, "not-found", `No profile has ${asked}.`);
}

async function explanationOf(asked: string, other: string, store: Store, rules: IdentityRules): Promise<object> {
  const [a, b] = [identifierOf(asked, rules), identifierOf(other, rules)];
  const evidence = await store.evidenceBetween(a, b);
  for (const identifier of [a, b]) {
    if (!evidence.nodes.has(nodeKey(identifier))) {
      throw new RequestFault(404, "not-found", `Nobody has been seen with ${nodeKey(identifier)}.`);
    }
  }
  return explain(evidence, rules, nodeKey(a), nodeKey(b));
}

function identifierOf(text: string, rules: IdentityRules): Identifier {
  const identifier = parseIdentifier(text, rules);
  if (identifier) return identifier;
  const types = compileRules(rules).ordered.map(({ type }) => type);
  const type = text.split(":", 1)[0] ?? "";
  if (text.includes(":") && types.includes(type)) {
    throw new RequestFault(
      404,
      "not-an-identifier",
      `The identity rules accept no such ${type}: it is malformed or blocked.`,
    );
  }
  throw new RequestFault(
    400,
    "unknown-identifier-type",
    `"${text}" is neither a profile id nor <type>:<value>. The types are ${types.join(", ")}.`,
  );
}

/** API Gateway decodes path parameters; a client that encoded twice is understood too. */
function decoded(text: string): string {
  if (!/%[0-9a-f]{2}/i.test(text)) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function answer(statusCode: number, body: object): APIGatewayProxyStructuredResultV2 {
  return {
    statusCode,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" },
    body: JSON.stringify(body),
  };
}
