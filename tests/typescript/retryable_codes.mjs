// Reads SQLSTATEs, one a line; writes for each whether an error with it is tried again.

import { createInterface } from "node:readline";

import { isRetryable } from "../../examples/typescript/append.mjs";

for await (const line of createInterface({ input: process.stdin })) {
  console.log(isRetryable({ severity: "ERROR", code: JSON.parse(line) }));
}
