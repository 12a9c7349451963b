// One run of the batch engine in a process of its own, so that its peak memory is its own. Reads the input as JSON from its
// argument, prints the summary and the peak as one line of JSON.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { match } = require(join(__dirname, "../../packages/matching/dist/index.js"));

match(JSON.parse(process.argv[2])).then(
  ({ summary }) => {
    let megabytes = process.resourceUsage().maxRSS / 1024;
    try {
      megabytes = Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024;
    } catch {}
    const { user, system } = process.cpuUsage();
    console.log(JSON.stringify({ ...summary, megabytes, processor: (user + system) / 1e6 }));
  },
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
