/** What a finished test process really says: report, exit code and output must agree. */

import { noCounts, parseJunit, type TestCounts } from "./junit.ts";
import type { RunResult } from "./run.ts";

/** `xml`: the JUnit report, null if none was written. Never returns zero of everything. */
export function judge(result: RunResult, xml: string | null): TestCounts {
  const counts = xml === null ? noCounts() : parseJunit(xml);
  const fail = (what: string) => {
    counts.failed++;
    counts.failures.push(what);
  };
  const uncaught = result.stdout.match(/SHOAL-UNCAUGHT: .*/g) ?? [];
  for (const mark of uncaught) fail(`thrown outside any test: ${mark.slice(16)}`);
  if (xml === null && result.code === 0 && /^Ran 0 tests across /m.test(result.stderr)) {
    // Bun says the same of a file without tests and of one whose groups are all skipped. Deno tells
    // them apart, and the same file has been run there.
    counts.skipped++;
    counts.skips.push("everything in it");
    return counts;
  }
  if (result.timedOut) fail(`was ended after ${result.seconds.toFixed(0)} s`);
  else if (xml === null) fail(`ended without a report (${endOf(result)})`);
  else if (result.code !== 0 && counts.failed === 0) fail(`crashed (${endOf(result)})`);
  else if (counts.passed + counts.failed + counts.skipped === 0) fail("ran no test at all");
  return counts;
}

function endOf(result: RunResult): string {
  return result.signal === null ? `exit code ${result.code}` : `signal ${result.signal}`;
}
