/** The platform suite against the runtime that runs this file, and against the simulator. */
import { mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selectPlatform } from "../../src/platform/select.ts";
import { SimWorld } from "../../src/platform/sim/world.ts";
import { SilentPort } from "./platform/silent_port.ts";
import type { UnderTest } from "./platform/subject.ts";
import { runPlatformCases } from "./platform_cases.ts";

const real = selectPlatform();

function makeReal(): Promise<UnderTest> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "shoal-platform-")));
  let silent: SilentPort | null = null;
  return Promise.resolve({
    here: real,
    there: real,
    address: "127.0.0.1",
    address6: "::1",
    ownAddress: "127.0.0.1",
    ownAddress6: "::1",
    serveOn: "127.0.0.1",
    dir,
    link: (path, target) => symlinkSync(target, path),
    async silent() {
      silent = new SilentPort();
      await silent.open();
      return { address: "127.0.0.1", port: silent.port };
    },
    run: (work) => work,
    async close() {
      real.hasher.close();
      await silent?.close();
      rmSync(dir, { recursive: true, force: true });
    },
  });
}

function makeSimulated(): Promise<UnderTest> {
  const world = new SimWorld("conformance");
  const here = world.node("10.0.0.1", { also: ["2001:db8::1"] });
  const there = world.node("10.0.0.2", { also: ["2001:db8::2"] });
  world.node("10.0.0.3", { link: { firewalled: true } });
  here.disk.makeFolders("/work");
  return Promise.resolve({
    here,
    there,
    address: "10.0.0.2",
    address6: "2001:db8::2",
    ownAddress: "10.0.0.1",
    ownAddress6: "2001:db8::1",
    serveOn: "10.0.0.2",
    dir: "/work",
    link: (path, target) => here.disk.plantLink(path, target),
    silent: () => Promise.resolve({ address: "10.0.0.3", port: 80 }),
    run: (work) => world.wait(work),
    close: () => Promise.resolve(),
  });
}

runPlatformCases(real.name, makeReal);
runPlatformCases("sim", makeSimulated);
