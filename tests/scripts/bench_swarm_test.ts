import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import process from "node:process";
import { describe, it } from "node:test";
import { fluidBound, runSim, simShapes } from "../../scripts/bench/swarm_sim.ts";
import { cpuSeconds, forgetPeak, peakResident } from "../../scripts/bench/seed_programs.ts";
import { python } from "../../scripts/bench/seeders.ts";

const MIB = 1024 * 1024;
const leech = (up: number, down: number) => ({ up: up * MIB, down: down * MIB });

describe("fluidBound", () => {
  it("is the seed's time to send everything once when the seed is slowest", () => {
    const lines = { seedUp: MIB, leeches: [leech(9, 9), leech(9, 9)] };
    assert.equal(fluidBound(10 * MIB, lines), 10);
  });

  it("is the slowest leech's time to receive everything when that is more", () => {
    const lines = { seedUp: 9 * MIB, leeches: [leech(9, 9), leech(9, 0.5)] };
    assert.equal(fluidBound(10 * MIB, lines), 20);
  });

  it("is the time of all uplinks together if that is the longest", () => {
    const lines = { seedUp: 2 * MIB, leeches: [leech(1, 9), leech(1, 9), leech(0, 9)] };
    assert.equal(fluidBound(10 * MIB, lines), 7.5);
  });
});

describe("runSim", () => {
  it(
    "reports times not below the bound, and shares of the uplinks",
    { timeout: 60_000 },
    async () => {
      for (const shape of simShapes) {
        const result = await runSim(shape, 4, 2 * MIB, 16 * 1024, 1);
        assert.ok(result.last >= result.bound, `${shape.name}: ${result.last} s`);
        assert.ok(result.median <= result.last && result.firstCopy <= result.last);
        assert.ok(result.sentForFirstCopy >= 1, `${result.sentForFirstCopy} copies`);
        assert.equal(result.busy.length, 10);
        assert.ok(result.busy.every((share) => share >= 0 && share < 2), result.busy.join(" "));
      }
    },
  );
});

describe("costs of a process", { skip: process.platform !== "linux" && "needs /proc" }, () => {
  it("cpuSeconds grows by the work done", { timeout: 20_000 }, () => {
    const [before, start] = [cpuSeconds(process.pid), process.cpuUsage()];
    let worked = 0;
    while (worked < 0.3) {
      const { user, system } = process.cpuUsage(start);
      worked = (user + system) / 1e6;
    }
    const grown = cpuSeconds(process.pid) - before;
    assert.ok(grown > 0.25 && grown < 0.5, `${grown} of ${worked}`);
  });

  const noPython = !existsSync(python) && `no ${python} here`;
  it("peakResident includes freed memory until forgetPeak", { skip: noPython }, async () => {
    const code = "import sys; x = bytearray(200 << 20); del x; print('ok', flush=True); " +
      "sys.stdin.read()";
    const child = spawn(python, ["-c", code], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(child, "exit");
    try {
      await once(child.stdout, "data");
      assert.ok(peakResident(child.pid!) > 200 * MIB);
      forgetPeak(child.pid!);
      assert.ok(peakResident(child.pid!) < 100 * MIB);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
  });
});
