// Run a command, and end it when the process that wanted it is gone, however that ended.

import { spawn } from "node:child_process";

const [command, ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit"] });
const end = () => child.kill();

// The other end of stdin closes with its process, even when that is killed.
process.stdin.on("end", end).on("error", end).resume();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, end);

child.on("error", (problem) => {
  console.error(`cannot start ${command} (${problem.code}); is it installed and on the PATH?`);
  process.exit(127);
});
child.on("exit", (code) => process.exit(code ?? 1));
