/**
 * Hashes 1 MiB at a time, each in one call, for SECONDS and prints bytes a second. Runs on both
 * runtimes: sha1_probe.ts node|webcrypto SECONDS.
 */

import { createHash } from "node:crypto";
import process from "node:process";

const [primitive, seconds] = process.argv.slice(2);
const data = new Uint8Array(1 << 20);
const digest = primitive === "webcrypto"
  ? () => crypto.subtle.digest("SHA-1", data)
  : () => createHash("sha1").update(data).digest();

await digest();
const start = performance.now(), end = start + Number(seconds) * 1000;
let done = 0;
while (performance.now() < end) {
  await digest();
  done += data.length;
}
console.log(done * 1000 / (performance.now() - start));
