// @ts-check
/**
 * What was thrown, in the shape that Lambda reports: type, message, stack by lines.
 * @param {unknown} thrown
 * @returns {import("./protocol").HandlerError}
 */
function errorOf(thrown) {
  if (thrown instanceof Error) {
    return {
      errorType: thrown.name || "Error",
      errorMessage: thrown.message,
      trace: (thrown.stack ?? String(thrown)).split("\n"),
    };
  }
  return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
}

module.exports = { errorOf };
