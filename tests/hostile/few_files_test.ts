/** A real seed that may have few files and sockets open, among silent connections. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { after, describe, it } from "node:test";
import { shareOut } from "../../src/client/open_share.ts";
import { Scene } from "../interop/scene.ts";
import { seedWithShoal } from "../interop/seeders.ts";
import { shoalCommand } from "../interop/shoal.ts";
import { until } from "../interop/until.ts";
import { newcomerIsServed, open } from "./raw_leech.ts";

const MIB = 1024 * 1024;
/** Three times as many connections as the process may have files and sockets. */
const LIMIT = 64, SILENT = 200;
const spec = {
  name: "few.bin",
  pieceLength: MIB / 4,
  files: [{ path: "few.bin", size: 16 * MIB }],
};

const scene = new Scene();
after(() => scene.close());
const skip = process.platform === "linux" ? false : "needs Linux's loopback addresses and /proc";

describe("shareOut", () => {
  it("assigns a share to each part, and no more than the limit in all", () => {
    for (const limit of [1, 64, 256, 1024, 65_536]) {
      const { connections, newcomers, queue, files } = shareOut(limit);
      assert.ok(Math.min(connections, newcomers, queue, files) >= 6, `${limit}`);
      if (limit >= 64) assert.ok(32 + connections + newcomers + queue + files <= limit);
    }
  });

  it("sets no limit if the system reports none", () => {
    assert.ok(Object.values(shareOut(null)).every((share) => share === Infinity));
  });
});

describe(`shoal seed under "ulimit -n ${LIMIT}"`, () => {
  it(
    "serves a newcomer among silent connections",
    { skip, timeout: 200_000 },
    async () => {
      const payload = scene.payload(spec), { infoHash } = payload;
      const limited = ["sh", "-c", `ulimit -n ${LIMIT}; exec "$@"`, "sh", ...shoalCommand()];
      const { port, shoal } = await seedWithShoal(scene, payload, ["--trust"], limited);
      const { pid } = shoal.program;
      const allowed = /^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"));
      assert.equal(Number(allowed![1]), LIMIT, "the limit holds");
      const victim = { port, infoHash, pieceLength: spec.pieceLength, pieces: 64 };
      let knocked = 0;
      const silent = Array.from({ length: SILENT }, (_, i) => {
        return open(victim, `127.0.1.${1 + i}`).on("connect", () => knocked++).resume();
      });
      await until("more have knocked than fit", () => knocked > LIMIT);
      await newcomerIsServed(victim, 60_000);
      assert.ok(readdirSync(`/proc/${pid}/fd`).length < LIMIT, "silent connections left room");
      await until("all have knocked", () => knocked === SILENT, 60_000);
      await newcomerIsServed(victim, 60_000);
      for (const socket of silent) socket.destroy();
    },
  );
});
