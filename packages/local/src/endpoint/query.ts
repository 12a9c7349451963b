import { XMLBuilder } from "fast-xml-parser";
import { AwsError } from "../kernel";
import type { Protocol } from "./protocol";
import { readBody } from "./request";
import { isDate } from "./shapes";

const namespaces: Readonly<Record<string, string>> = {
  sns: "http://sns.amazonaws.com/doc/2010-03-31/",
  sts: "https://sts.amazonaws.com/doc/2011-06-15/",
  iam: "https://iam.amazonaws.com/doc/2010-05-08/",
  sqs: "http://queue.amazonaws.com/doc/2012-11-05/",
};

/** Members that are no text; everything else in a form is. */
const numbers = new Set(["DurationSeconds", "MaxItems"]);
const booleans = new Set(["ReturnSubscriptionArn", "DeliverDelay"]);
const blobs = new Set(["BinaryValue"]);
/** Members of answers that are maps, written as entries. */
const maps = new Set(["Attributes"]);

const builder = new XMLBuilder({ suppressEmptyNode: false });

/** AWS Query: a form in, XML out. */
export const queryProtocol: Protocol = {
  async call(kernel, service, request, principal, requestId) {
    const form = new URLSearchParams((await readBody(request)).toString("utf8"));
    for (const [key, value] of request.query) form.append(key, value);
    const operation = form.get("Action");
    if (!operation) throw new AwsError("MissingAction", "the form names no Action");
    const output = await kernel.call(service, operation, readForm(form), principal);
    const body = {
      [`${operation}Response`]: {
        [`${operation}Result`]: toXml(output ?? {}),
        ResponseMetadata: { RequestId: requestId },
      },
    };
    const text = builder
      .build(body)
      .replace(`<${operation}Response>`, `<${operation}Response xmlns="${namespaces[service] ?? ""}">`);
    return { status: 200, headers: { "content-type": "text/xml" }, body: text };
  },
  fail(error, request, requestId) {
    const isSns = /\/sns\/aws4_request/.test(request.header("authorization") ?? "");
    // SNS names its errors on the wire without the ending that the SDK's classes carry.
    const Code = isSns ? error.name.replace(/Exception$/, "") : error.name;
    const Type = error.fault === "client" ? "Sender" : "Receiver";
    const body = { ErrorResponse: { Error: { Type, Code, Message: error.message }, RequestId: requestId } };
    return { status: error.status, headers: { "content-type": "text/xml" }, body: builder.build(body) };
  },
};

interface Node {
  value?: string;
  readonly children: Map<string, Node>;
}

/** `A.member.1.B=x` → `{ A: [{ B: "x" }] }`; `M.entry.1.key=k` → `{ M: { k: … } }`. */
export function readForm(form: URLSearchParams): Record<string, unknown> {
  const root: Node = { children: new Map() };
  for (const [path, value] of form) {
    if (path === "Action" || path === "Version" || path.startsWith("X-Amz-")) continue;
    let node = root;
    for (const part of path.split(".")) {
      let next = node.children.get(part);
      if (!next) {
        next = { children: new Map() };
        node.children.set(part, next);
      }
      node = next;
    }
    node.value = value;
  }
  return Object.fromEntries([...root.children].map(([key, node]) => [key, plain(key, node)]));
}

function plain(name: string, node: Node): unknown {
  if (node.children.size === 0) return scalar(name, node.value ?? "");
  const numbered = (list: Node) =>
    [...list.children].sort(([a], [b]) => Number(a) - Number(b)).map(([, child]) => child);
  const members = node.children.get("member");
  if (members) return numbered(members).map((child) => plain(name, child));
  const entries = node.children.get("entry");
  if (entries) {
    return Object.fromEntries(
      numbered(entries).map(({ children }) => {
        const key = children.get("key") ?? children.get("Name");
        const value = children.get("value") ?? children.get("Value");
        return [key?.value ?? "", value ? plain("", value) : ""];
      }),
    );
  }
  if ([...node.children.keys()].every((key) => /^\d+$/.test(key))) {
    return numbered(node).map((child) => plain(name, child));
  }
  return Object.fromEntries([...node.children].map(([key, child]) => [key, plain(key, child)]));
}

function scalar(name: string, value: string): unknown {
  if (numbers.has(name)) return Number(value);
  if (booleans.has(name)) return value === "true";
  return blobs.has(name) ? new Uint8Array(Buffer.from(value, "base64")) : value;
}

function toXml(value: unknown, name = ""): unknown {
  if (isDate(value)) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (Array.isArray(value)) return { member: value.map((entry) => toXml(entry)) };
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  if (maps.has(name)) return { entry: entries.map(([key, member]) => ({ key, value: toXml(member) })) };
  return Object.fromEntries(entries.map(([key, member]) => [key, toXml(member, key)]));
}
