/** `shoal daemon` as processes: signals, the lock, the service manager, the configuration. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { newFolder, removeFolders, type Running, startShoal } from "./run_shoal.ts";

after(removeFolders);

const limit = { timeout: 60_000 };

/** Prints each datagram as a line, for as long as its input is open. */
const RECEIVER = `import socket, sys, threading, os
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
print("bound", flush=True)
while True: print(receiver.recv(4096).decode().replace("\\n", " "), flush=True)`;

function serviceManager(socket: string) {
  const child = spawn("/usr/bin/python3", ["-c", RECEIVER, socket]);
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => out += text);
  return { heard: () => out.split("\n").slice(0, -1), close: () => child.stdin.end() };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 45_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`never came: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function daemonIn(home: string, more: readonly string[] = [], env: Record<string, string> = {}) {
  const args = ["daemon", "--no-dht", "--no-lsd", "--listen", "", "--unix", "", ...more];
  return startShoal(args, { env: { HOME: home, XDG_CONFIG_HOME: "", ...env } });
}

/** Its log is all of its output, and is told when it has ended. */
function stateOf(home: string): string {
  return join(home, ".local/state/shoal");
}

function pidOf(home: string): number | null {
  try {
    return JSON.parse(readFileSync(join(stateOf(home), "daemon.json"), "utf8")).pid;
  } catch {
    return null;
  }
}

async function ended(running: Running): Promise<{ code: number | null; err: string }> {
  const { code, err } = await running.finished;
  return { code, err };
}

describe("the commands of a daemon", () => {
  it("reach it by its Unix socket, and say how to start one", limit, async () => {
    const home = newFolder(), stateHome = join(home, ".local/state");
    const env = { HOME: home, XDG_CONFIG_HOME: "", XDG_STATE_HOME: stateHome };
    const shoal = async (...args: string[]) => await startShoal(args, { env }).finished;
    const none = await shoal("list");
    assert.deepEqual([none.code, none.out], [8, ""]);
    assert.match(none.err, /Start one with shoal daemon/);
    const flags = ["daemon", "--no-dht", "--no-lsd", "--port", "0", "--listen", ""];
    const daemon = startShoal(flags, { env });
    await until("ready", () => daemon.err.includes("Ready"));
    const link = "magnet:?xt=urn:btih:9ecd4676fd0f0474151a4b74a5958f42639cebdf&dn=ubuntu";
    assert.deepEqual((await shoal("add", link, "--label", "linux")).out, "Added 9ecd4676 ubuntu\n");
    assert.match((await shoal("list")).out, /9ecd4676 {2}ubuntu/);
    assert.equal((await shoal("stop", "ubu")).out, "Stopped ubuntu\n");
    const [row] = (await shoal("list", "--json")).out.trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    assert.deepEqual([row.state, row.labels], ["paused", ["linux"]]);
    assert.equal((await shoal("remove", "--label", "linux")).out, "Removed ubuntu\n");
    daemon.kill("SIGTERM");
    assert.equal((await daemon.finished).code, 0);
    assert.equal((await shoal("list")).code, 8);
  });
});

describe("shoal daemon", () => {
  it("tells the service manager of its start, its reloads and its end", limit, async () => {
    const home = newFolder(), socket = join(home, "notify.sock");
    const manager = serviceManager(socket);
    await until("a bound socket", () => manager.heard().includes("bound"));
    const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "200000" };
    const daemon = daemonIn(home, [], env);
    const heard = (start: string) =>
      manager.heard().filter((line) => line.startsWith(start)).length;
    await until("READY", () => heard("READY=1 STATUS=0 torrents") === 1);
    await until("WATCHDOG", () => heard("WATCHDOG=1") > 1);
    daemon.kill("SIGHUP");
    await until("RELOADING", () => heard("RELOADING=1") === 1 && heard("READY=1") === 2);
    daemon.kill("SIGTERM");
    const { code, err } = await ended(daemon);
    assert.equal(code, 0, err);
    await until("STOPPING", () => heard("STOPPING=1") === 1);
    manager.close();
  });

  it(
    "reads the configuration again on SIGHUP, and keeps the old one if the new is wrong",
    limit,
    async () => {
      const home = newFolder(), config = join(home, ".config/shoal/config.jsonc");
      mkdirSync(join(home, ".config/shoal"), { recursive: true });
      writeFileSync(config, '{ "maxConnections": 50 }');
      const socket = join(home, "notify.sock"), manager = serviceManager(socket);
      await until("a bound socket", () => manager.heard().includes("bound"));
      const daemon = daemonIn(home, ["--log-format", "json"], { NOTIFY_SOCKET: socket });
      const readies = () => manager.heard().filter((line) => line.startsWith("READY=1")).length;
      await until("the start", () => readies() === 1);
      writeFileSync(config, '// faster\n{ "maxConnections": 60, "maxOpenFiles": 20 }');
      daemon.kill("SIGHUP");
      await until("the first reload", () => readies() === 2);
      writeFileSync(config, '{\n  "maxConections": 70\n}');
      daemon.kill("SIGHUP");
      await until("the second reload", () => readies() === 3);
      daemon.kill("SIGINT");
      const { code, err } = await ended(daemon);
      manager.close();
      assert.equal(code, 0);
      const lines = err.trim().split("\n").map((line) => JSON.parse(line));
      const of = (level: string) => lines.filter((line) => line.level === level);
      assert.equal(lines.find((line) => "changed" in line).changed, "maxConnections, maxOpenFiles");
      assert.match(of("warn")[0].message, /restart is needed for the new value of maxOpenFiles/);
      assert.match(
        of("error")[0].message,
        /stay as they were: .*config\.jsonc:2:3: There is no setting maxConections: did you mean maxConnections\?/,
      );
    },
  );

  it(
    "is refused where another one has the state folder, with a code of its own",
    limit,
    async () => {
      const home = newFolder(), first = daemonIn(home);
      await until("the first", () => pidOf(home) !== null);
      const second = await ended(daemonIn(home));
      assert.equal(second.code, 7);
      assert.match(second.err, new RegExp(`^shoal: Process ${pidOf(home)} is the daemon of `));
      assert.equal(second.err.trim().split("\n").length, 1, second.err);
      first.kill("SIGKILL");
      await first.finished;
      const killed = pidOf(home), third = daemonIn(home);
      await until("the third", () => pidOf(home) !== killed);
      third.kill("SIGTERM");
      assert.equal((await ended(third)).code, 0);
    },
  );

  it("refuses a configuration with a fault, naming the line", limit, async () => {
    const home = newFolder(), config = join(home, "own.jsonc");
    writeFileSync(config, '{\n  "port": 70000\n}');
    const { code, err } = await ended(daemonIn(home, ["--config", config]));
    assert.deepEqual([code, err.trim()], [
      2,
      `shoal: ${config}:2:11: The option port is 70000: it must be a whole number from -1 to 65535`,
    ]);
  });
});
