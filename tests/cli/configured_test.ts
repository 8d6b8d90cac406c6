/** `shoal download` and `seed` with a configuration, and beside a daemon. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { until } from "./fakes.ts";
import { newFolder, removeFolders, startShoal, startSwarm, type TestSwarm } from "./run_shoal.ts";

after(removeFolders);

const limit = { timeout: 60_000 };
const MIB = 1024 * 1024;

function homeWith(config: unknown) {
  const home = newFolder(), state = join(home, ".local/state/shoal");
  mkdirSync(join(home, ".config/shoal"), { recursive: true });
  writeFileSync(join(home, ".config/shoal/config.jsonc"), JSON.stringify(config));
  const start = (args: readonly string[], env: Record<string, string> = {}) => {
    return startShoal(args, { env: { HOME: home, XDG_CONFIG_HOME: "", ...env }, cwd: home });
  };
  return { home, state, start };
}

function openPort(): Promise<{ server: Server; port: number }> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, () => {
      resolve({ server, port: (server.address() as { port: number }).port });
    });
  });
}

describe("shoal download with a configuration", () => {
  let swarm: TestSwarm;
  before(async () => {
    swarm = await startSwarm(MIB, 50 * MIB);
  });
  after(() => swarm.close());

  it("takes its folder from the file, from the environment, and from its flag", limit, async () => {
    const [file, environment, flag] = [newFolder(), newFolder(), newFolder()];
    const { start } = homeWith({ torrents: { dir: file, seedGoal: { kind: "none" } } });
    const args = ["download", swarm.torrentPath, "-q"];
    assert.equal((await start(args).finished).code, 0);
    assert.ok(existsSync(join(file, "data.bin")));
    assert.equal((await start(args, { SHOAL_DIR: environment }).finished).code, 0);
    assert.ok(existsSync(join(environment, "data.bin")));
    const last = await start([...args, "-o", flag], { SHOAL_DIR: environment }).finished;
    assert.equal(last.code, 0, last.err);
    assert.ok(existsSync(join(flag, "data.bin")));
  });

  it(
    "takes another port where the configured one is in use, but not for its flag",
    limit,
    async () => {
      const { server, port } = await openPort(), { start } = homeWith({ port });
      try {
        const run = await start(["download", swarm.torrentPath, "-o", newFolder()]).finished;
        assert.equal(run.code, 0, run.err);
        assert.match(run.out + run.err, new RegExp(`Port ${port} of the configuration is in use`));
        const args = ["download", swarm.torrentPath, "-o", newFolder(), "--port", String(port)];
        const asked = await start(args).finished;
        assert.equal(asked.code, 1);
        assert.match(asked.err, /Choose another one with --port/);
      } finally {
        server.close();
      }
    },
  );

  it("refuses a file with a fault, in one line", limit, async () => {
    const { start } = homeWith({ torrents: { dri: "/x" } });
    const run = await start(["seed", swarm.torrentPath, swarm.seeds]).finished;
    assert.equal(run.code, 2);
    assert.match(
      run.err,
      /^shoal: .*config\.jsonc:1:14: There is no setting torrents\.dri: did you /,
    );
    assert.equal(run.err.trim().split("\n").length, 1);
  });
});

describe("shoal download beside a daemon of the same state folder", () => {
  it(
    "has its torrent until it ends; then the daemon continues it, and the next one waits",
    limit,
    async () => {
      const swarm = await startSwarm(2 * MIB, 300_000), { home, state, start } = homeWith({});
      const args = ["daemon", "--no-dht", "--no-lsd", "--listen", "", "--unix", ""];
      const download = ["download", swarm.torrentPath, "-o", join(home, "data")];
      try {
        const first = start(download);
        await until(() => existsSync(join(home, "data")));
        const daemon = start([...args, "--log-level", "debug"]);
        await until(() => /in use by another shoal \(process \d+\): waiting/.test(daemon.err));
        first.kill("SIGINT");
        assert.equal((await first.finished).code, 130);
        await until(() => daemon.err.includes("The state is downloading"));
        const { pid } = JSON.parse(readFileSync(join(state, "daemon.json"), "utf8"));
        const again = await start(download).finished;
        assert.equal(again.code, 0, again.err);
        assert.match(
          again.out,
          new RegExp(`in use by another shoal \\(process ${pid}\\): waiting[^]*already on disk`),
        );
        await until(() => daemon.err.includes("Downloaded data.bin"));
        daemon.kill("SIGTERM");
        assert.equal((await daemon.finished).code, 0, daemon.err);
        assert.deepEqual(readFileSync(join(home, "data/data.bin")), readFileSync(swarm.data));
      } finally {
        await swarm.close();
      }
    },
  );
});
