/** The platform suite against the runtime that runs this file, and against the simulator. */
import { linkSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selectPlatform } from "../../src/platform/select.ts";
import { createDatagramNet } from "../../src/platform/shared/datagrams.ts";
import { SimWorld } from "../harness/sim/world.ts";
import type { Platform } from "../../src/platform/types.ts";
import { datagramCases } from "./platform/datagram_cases.ts";
import { SilentPort } from "./platform/silent_port.ts";
import { caseAdder, type UnderTest } from "./platform/subject.ts";
import { runPlatformCases } from "./platform_cases.ts";

const real = selectPlatform();

function makeReal(platform: Platform = real): Promise<UnderTest> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "shoal-platform-")));
  let silent: SilentPort | null = null;
  return Promise.resolve({
    here: platform,
    there: platform,
    address: "127.0.0.1",
    address6: "::1",
    ownAddress: "127.0.0.1",
    ownAddress6: "::1",
    serveOn: "127.0.0.1",
    dir,
    link: (path, target) => symlinkSync(target, path),
    hardLink: linkSync,
    program: (which) => PROGRAMS[which],
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

/** A shell adds some variables of its own. */
const TELL = "/usr/bin/env; printf 'argument %s\\n' \"$1\"; exit 3";
const PROGRAMS = { tell: ["/bin/sh", "-c", TELL, "sh"], stay: ["/bin/sh", "-c", "sleep 100; :"] };

function makeSimulated(): Promise<UnderTest> {
  const world = new SimWorld("conformance");
  const here = world.node("10.0.0.1", { also: ["2001:db8::1"] });
  const there = world.node("10.0.0.2", { also: ["2001:db8::2"] });
  world.node("10.0.0.3", { link: { firewalled: true } });
  here.disk.makeFolders("/work");
  here.programs.install("stay", () => ({ afterMs: Infinity }));
  here.programs.install("tell", ({ argv, env }) => {
    const lines = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return { code: 3, output: [...lines, `argument ${argv.at(-1)}`, ""].join("\n") };
  });
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
    program: (which) => [which],
    hardLink: (from, to) => here.disk.link(from, to),
    silent: () => Promise.resolve({ address: "10.0.0.3", port: 80 }),
    run: (work) => world.wait(work),
    close: () => Promise.resolve(),
  });
}

runPlatformCases(real.name, () => makeReal());
if (real.name === "deno") {
  // What a program that Deno runs from a URL gets.
  const stable = { ...real, datagrams: createDatagramNet({ receiveBufferBytes: 4096 }) };
  datagramCases(caseAdder({
    name: "deno without unstable sockets",
    make: () => makeReal(stable),
    skip: {},
  }));
}
runPlatformCases("sim", makeSimulated);
