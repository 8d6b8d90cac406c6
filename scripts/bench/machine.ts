/** What the figures depend on beside the programs: processors, load, and what SHA-1 costs here. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import process from "node:process";

/** A few lines for the head of a report. */
export async function describeMachine(): Promise<string> {
  const list = cpus();
  const node = await secondsPerGibibyte((bytes) => createHash("sha1").update(bytes).digest());
  const web = await secondsPerGibibyte((bytes) => crypto.subtle.digest("SHA-1", bytes));
  return `${list.length} x ${list[0]?.model ?? "?"}, ${shaInstructions()}, load ` +
    `${loadavg()[0]?.toFixed(1)}; SHA-1 of 1 GiB alone, on Deno: node:crypto ${node.toFixed(1)}, ` +
    `Web Crypto ${web.toFixed(1)} CPU s`;
}

function shaInstructions(): string {
  try {
    const flags = readFileSync("/proc/cpuinfo", "utf8");
    return /\b(sha_ni|sha1)\b/.test(flags) ? "SHA instructions" : "no SHA instructions";
  } catch {
    return "SHA instructions unknown";
  }
}

/** Wall time would count what others do on the machine; CPU time counts what it costs. */
async function secondsPerGibibyte(digest: (bytes: Uint8Array<ArrayBuffer>) => unknown) {
  const bytes = new Uint8Array(1024 * 1024);
  const rounds = 64;
  await digest(bytes);
  const before = process.cpuUsage();
  for (let i = 0; i < rounds; i++) await digest(bytes);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 * (1024 / rounds);
}
