/** A call to the API before it is made. */
export interface ConnectorRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text, where there is a body. */
  readonly body?: string;
}

/** What the connection's secret holds, by the names of the way to sign in. */
export type ConnectorCredentials = Readonly<Record<string, string>>;

export interface ApiKeyAuth {
  readonly type: "ApiKey";
  /** Header that carries the key. */
  readonly header?: string;
  /** Text before the key: `"Bearer "`. */
  readonly prefix?: string;
  /** Query parameter that carries the key, in place of a header. It stands in logs of the API: prefer a header. */
  readonly parameter?: string;
}

export interface BasicAuth {
  readonly type: "BasicAuth";
}

export interface OAuth2Auth {
  readonly type: "OAuth2";
  readonly tokenUrls: readonly string[];
  readonly authUrls: readonly string[];
  readonly scopes: readonly string[];
  readonly grantTypes: readonly ("CLIENT_CREDENTIALS" | "AUTHORIZATION_CODE")[];
}

export interface CustomAuthParameter {
  readonly label: string;
  readonly description?: string;
  /** @default true */
  readonly required?: boolean;
  /** Kept out of sight in the console. @default true */
  readonly sensitive?: boolean;
  readonly values?: readonly string[];
}

export interface CustomAuth {
  readonly type: "CustomAuth";
  /** AppFlow's `customAuthenticationType`. */
  readonly name: string;
  readonly parameters: Readonly<Record<string, CustomAuthParameter>>;
  /** Signs a call. Called for every try, so a signature may hold the time. */
  readonly apply: (
    request: ConnectorRequest,
    credentials: ConnectorCredentials,
  ) => ConnectorRequest | Promise<ConnectorRequest>;
}

export type ConnectorAuth = ApiKeyAuth | BasicAuth | OAuth2Auth | CustomAuth;

/** A key in a header (`x-api-key` where left out), or in a query parameter. */
export function apiKey(options: Omit<ApiKeyAuth, "type"> = {}): ApiKeyAuth {
  return { type: "ApiKey", ...options };
}

/** User name and password (RFC 7617). */
export function basicAuth(): BasicAuth {
  return { type: "BasicAuth" };
}

/** OAuth 2.0: AppFlow gets the access token and renews it; the connector sends it as a bearer token. */
export function oauth2(options: {
  readonly tokenUrls: readonly string[];
  /** Where a user consents, for AUTHORIZATION_CODE. */
  readonly authUrls?: readonly string[];
  readonly scopes?: readonly string[];
  /** @default ["CLIENT_CREDENTIALS"] */
  readonly grantTypes?: OAuth2Auth["grantTypes"];
}): OAuth2Auth {
  return { type: "OAuth2", authUrls: [], scopes: [], grantTypes: ["CLIENT_CREDENTIALS"], ...options };
}

/** Anything else: signatures, several headers, a token exchanged at each call. */
export function customAuth(options: Omit<CustomAuth, "type">): CustomAuth {
  return { type: "CustomAuth", ...options };
}
