// Loaded into the program's process before Pulumi's language host, which prints every failure with
// `util.inspect(error, { colors: true })`. On Node 20 that takes 15 to 20 seconds (and half a gigabyte) for the errors of
// failed registrations: the colouring of `node_modules` paths in their stacks does not end until the text is too long
// for a string. The engine takes colours out anyway.
const util = require("node:util");

util.inspect = new Proxy(util.inspect, {
  apply(inspect, self, [value, options, ...rest]) {
    const plain = value instanceof Error && options?.colors ? { ...options, colors: false } : options;
    return Reflect.apply(inspect, self, [value, plain, ...rest]);
  },
});
