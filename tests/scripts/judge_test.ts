import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { judge } from "../../scripts/lib/judge.ts";
import type { RunResult } from "../../scripts/lib/run.ts";

const clean: RunResult = {
  code: 0,
  signal: null,
  stdout: "",
  stderr: "",
  timedOut: false,
  seconds: 1,
};

/** As Deno 2.9 writes it: groups beside their members, the file as class name. */
const denoXml = `<testsuites name="deno test" tests="9" failures="3">
  <testsuite name="./a_test.ts">
    <testcase name="plain" classname="./a_test.ts" time="0.002" line="3" col="1">
    </testcase>
    <testcase name="is &lt;left&gt; out" classname="./a_test.ts" time="0.000">
        <skipped/>
    </testcase>
    <testcase name="group" classname="./a_test.ts"><failure message="1 step">1</failure></testcase>
    <testcase name="hooked" classname="./a_test.ts"><failure message="before">1</failure></testcase>
  </testsuite>
  <testsuite name="ext:deno_node/testing.ts">
    <testcase name="group &gt; good" classname="ext:deno_node/testing.ts"></testcase>
    <testcase name="group &gt; bad" classname="ext:deno_node/testing.ts">
      <failure message="boom">Error: boom</failure>
    </testcase>
    <testcase name="group &gt; gone" classname="ext:deno_node/testing.ts">
      <error message="Cancelled"/>
    </testcase>
    <testcase name="hooked &gt; member" classname="ext:deno_node/testing.ts"></testcase>
  </testsuite>
</testsuites>`;

/** As Bun 1.4 writes it: groups as nested suites and, innermost first, as class name. */
const bunXml = `<testsuites name="bun test" tests="4" failures="1" skipped="1">
  <testsuite name="a_test.ts">
    <testcase name="plain" classname="" time="0.002" file="a_test.ts" line="3" assertions="0" />
    <testsuite name="group">
      <testcase name="left out" classname="group" time="0" file="a_test.ts"><skipped /></testcase>
      <testcase name="deep &quot;bad&quot;" classname="nested &gt; group" file="a_test.ts">
        <failure type="Error" message="deep">Error: deep&#10;  at a</failure>
      </testcase>
    </testsuite>
  </testsuite>
</testsuites>`;

describe("judge", () => {
  it("counts single tests on Deno, and a group only if nothing in it explains its failure", () => {
    const counts = judge({ ...clean, code: 1 }, denoXml);
    assert.deepEqual(counts, {
      passed: 3,
      failed: 3,
      skipped: 1,
      failures: ["hooked", "group > bad", "group > gone"],
      skips: ["is <left> out"],
    });
  });

  it("counts Bun's report and names a test with its groups", () => {
    const counts = judge({ ...clean, code: 1 }, bunXml);
    assert.deepEqual(counts, {
      passed: 1,
      failed: 1,
      skipped: 1,
      failures: ['group > nested > deep "bad"'],
      skips: ["group > left out"],
    });
  });

  it("fails a process that passed everything and then ended with an error", () => {
    const xml = '<testcase name="a" classname=""></testcase>';
    assert.equal(judge(clean, xml).failed, 0);
    assert.match(judge({ ...clean, code: 3 }, xml).failures[0] ?? "", /crashed \(exit code 3\)/);
    const killed = { ...clean, code: null, signal: "SIGSEGV" };
    assert.match(judge(killed, xml).failures[0] ?? "", /signal SIGSEGV/);
  });

  it("fails a process that left no report although its exit code is 0", () => {
    assert.match(judge(clean, null).failures[0] ?? "", /without a report/);
  });

  it("takes a file of which Bun ran nothing and reported nothing as skipped", () => {
    const stderr = "\n 0 pass\n 0 fail\nRan 0 tests across 1 file. [5.00ms]\n";
    const counts = judge({ ...clean, stderr }, null);
    assert.deepEqual([counts.passed, counts.failed, counts.skipped], [0, 0, 1]);
    assert.equal(judge({ ...clean, stderr, code: 1 }, null).failed, 1);
  });

  it("fails a file that ran nothing", () => {
    const counts = judge(clean, '<testsuites name="deno test" tests="0"></testsuites>');
    assert.equal(counts.failed, 1);
    assert.match(counts.failures[0] ?? "", /no test at all/);
  });

  it("fails a test that was ended by its timeout", () => {
    const counts = judge({ ...clean, code: null, signal: "SIGKILL", timedOut: true }, null);
    assert.match(counts.failures[0] ?? "", /was ended after/);
  });

  it("counts errors thrown outside any test", () => {
    const stdout = "x ... ok\nSHOAL-UNCAUGHT: Error: late\n    at y\n";
    const counts = judge({ ...clean, stdout }, '<testcase name="a" classname=""></testcase>');
    assert.deepEqual(counts.failures, ["thrown outside any test: Error: late"]);
  });
});
