// @ts-check
/**
 * One Lambda execution environment: runs in a worker thread, loads the function once and then handles one invocation
 * at a time. Plain JavaScript, since a worker starts from a file and tests run from sources.
 *
 * @typedef {import("./protocol").WorkerStart} WorkerStart
 * @typedef {import("./protocol").FromWorker} FromWorker
 * @typedef {import("./protocol").ToWorker} ToWorker
 * @typedef {import("./protocol").HandlerError} HandlerError
 */
const { existsSync } = require("node:fs");
const Module = require("node:module");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");
const { parentPort, workerData } = require("node:worker_threads");
const { errorOf } = require("./errors");
const { captureOutput } = require("./output");

/** @type {WorkerStart} */
const start = workerData;
/**
 * Node's own `import()`. Written as text, since the compiler turns a plain one into `require`, which knows no ES modules.
 * @type {(specifier: string) => Promise<Record<string, unknown>>}
 */
const importModule = /** @type {never} */ (new Function("specifier", "return import(specifier);"));

const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);

/** @type {FromWorker | undefined} */
let outbox;

/** What is said in one turn of the event loop, once its promises have settled, leaves as one message. */
function box() {
  if (!outbox) {
    outbox = {};
    queueMicrotask(() => process.nextTick(flush));
  }
  return outbox;
}

function flush() {
  const message = outbox;
  if (!message) return;
  outbox = undefined;
  try {
    port.postMessage(message);
  } catch (error) {
    rejectUncloneable(message, error);
  }
}

/**
 * An input that holds a function or a stream can not cross: that call fails, the others go.
 * @param {FromWorker} message
 * @param {unknown} cause
 */
function rejectUncloneable(message, cause) {
  const { calls = [], ...rest } = message;
  port.postMessage(rest);
  for (const call of calls) {
    try {
      port.postMessage({ calls: [call] });
    } catch {
      const error = { name: "SerializationException", message: String(cause), status: 400, details: {} };
      settle([call[0], false, error]);
    }
  }
}

// ---- The in-process door to AWS ----

let lastCall = 0;
/** @type {Map<number, { resolve: (value: any) => void; reject: (error: Error) => void }>} */
const waiting = new Map();

/**
 * A view on a shared buffer would take the whole buffer along.
 * @param {any} value
 * @returns {any}
 */
function compact(value) {
  if (typeof value !== "object" || value === null) return value;
  if (ArrayBuffer.isView(value)) {
    return value.byteLength === value.buffer.byteLength ? value : new Uint8Array(/** @type {Uint8Array} */ (value));
  }
  let result = value;
  for (const key in value) {
    const inner = value[key];
    if (typeof inner !== "object" || inner === null) continue;
    const small = compact(inner);
    if (small === inner) continue;
    if (result === value) result = Array.isArray(value) ? [...value] : { ...value };
    result[key] = small;
  }
  return result;
}

Object.defineProperty(globalThis, Symbol.for("tributary.aws"), {
  configurable: true,
  writable: true,
  value: {
    /**
     * @param {string} service
     * @param {string} operation
     * @param {object} input
     */
    call(service, operation, input) {
      return new Promise((resolve, reject) => {
        const id = ++lastCall;
        waiting.set(id, { resolve, reject });
        const message = box();
        message.calls ??= [];
        message.calls.push([id, service, operation, compact(input)]);
      });
    },
  },
});

/** @param {import("./protocol").DoorReply} reply */
function settle(reply) {
  const pending = waiting.get(reply[0]);
  if (!pending) return;
  waiting.delete(reply[0]);
  if (reply[1]) pending.resolve(reply[2]);
  else {
    const { name, message, status, details } = reply[2];
    pending.reject(Object.assign(new Error(message), { name, status, details }));
  }
}

// ---- Loading the function ----

/**
 * The module of `index.handler`, as Lambda's runtime looks for it.
 * @returns {Promise<(event: unknown, context: object, callback?: Function) => unknown>}
 */
async function loadHandler() {
  const slash = start.handler.lastIndexOf("/") + 1;
  const dot = start.handler.indexOf(".", slash);
  const moduleName = start.handler.slice(0, dot);
  const file = [".js", ".mjs", ".cjs"].map((ending) => join(start.taskRoot, moduleName + ending)).find(existsSync);
  if (dot < 0 || !file) {
    throw named("Runtime.ImportModuleError", `Error: Cannot find module '${moduleName || start.handler}'`);
  }
  const loaded = await importModule(pathToFileURL(file).href);
  const path = start.handler.slice(dot + 1).split(".");
  /** @param {any} from */
  const find = (from) => path.reduce((value, part) => value?.[part], from);
  const handler = find(loaded) ?? find(loaded.default);
  if (typeof handler !== "function") {
    throw named("Runtime.HandlerNotFound", `${start.handler} is undefined or not exported`);
  }
  if (handler.length >= 3 && start.runtime !== "nodejs22.x") {
    throw named(
      "Runtime.CallbackHandlerDeprecated",
      `${start.runtime} has no callback handlers: make ${start.handler} an async function of (event, context)`,
    );
  }
  return handler;
}

/**
 * @param {string} name
 * @param {string} message
 */
function named(name, message) {
  return Object.assign(new Error(message), { name });
}

// ---- Invocations ----

/** @type {string | undefined} */
let running;

/**
 * @param {{ json?: string; error?: HandlerError }} result
 */
function finish(result) {
  if (running === undefined) return;
  box().done = { requestId: running, ...result };
  running = undefined;
  flush();
}

/**
 * @param {Extract<ToWorker, { type: "invoke" }>} invocation
 */
function contextOf(invocation) {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: start.functionName,
    functionVersion: start.functionVersion,
    memoryLimitInMB: start.memoryLimitInMB,
    logGroupName: start.logGroupName,
    logStreamName: start.logStreamName,
    awsRequestId: invocation.requestId,
    invokedFunctionArn: invocation.functionArn,
    getRemainingTimeInMillis: () => Math.max(0, invocation.deadline - Date.now()),
  };
}

/**
 * @param {Awaited<ReturnType<typeof loadHandler>>} handler
 * @param {unknown} event
 * @param {object} context
 */
function run(handler, event, context) {
  if (handler.length < 3) return handler(event, context);
  return new Promise((resolve, reject) => {
    const returned = handler(event, context, (/** @type {unknown} */ error, /** @type {unknown} */ result) =>
      error ? reject(error) : resolve(result),
    );
    if (returned instanceof Promise) returned.then(resolve, reject);
  });
}

/**
 * @param {Awaited<ReturnType<typeof loadHandler>>} handler
 * @param {Extract<ToWorker, { type: "invoke" }>} invocation
 */
async function invoke(handler, invocation) {
  running = invocation.requestId;
  try {
    const result = await run(handler, JSON.parse(invocation.event), contextOf(invocation));
    finish({ json: JSON.stringify(result) ?? "null" });
  } catch (error) {
    finish({ error: errorOf(error) });
  }
}

/**
 * As Lambda's runtime does: what nobody caught ends the invocation and the environment.
 * @param {HandlerError} error
 */
function crash(error) {
  if (running === undefined) box().initError = error;
  else finish({ error });
  flush();
  process.exit(129);
}

process.on("uncaughtException", (error) => crash(errorOf(error)));
process.on("unhandledRejection", (reason) => {
  const error = errorOf(reason);
  crash({
    ...error,
    errorType: "Runtime.UnhandledPromiseRejection",
    errorMessage: `${error.errorType}: ${error.errorMessage}`,
  });
});
process.on("exit", flush);

captureOutput(box);
// Layers: NODE_PATH is read when Node starts, and this thread's environment came later.
/** @type {any} */ (Module)._initPaths();

loadHandler().then(
  (handler) => {
    port.on("message", (/** @type {ToWorker} */ message) => {
      if (message.type === "invoke") void invoke(handler, message);
      else for (const reply of message.replies) settle(reply);
    });
    box().ready = true;
    flush();
  },
  (error) => {
    box().initError = errorOf(error);
    flush();
  },
);
