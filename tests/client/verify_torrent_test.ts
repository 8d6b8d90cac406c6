import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { verifyTorrent } from "../../mod.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";

it("verifyTorrent takes the bytes of a .torrent, and says what it does not take", async () => {
  const dir = mkdtempSync(join(tmpdir(), "shoal-"));
  const pieces = new Uint8Array(20);
  const info = { name: "a", length: 1000, "piece length": 16384, pieces };
  try {
    const { problems, bad } = await verifyTorrent(encode({ info }), dir);
    assert.deepEqual([problems, bad], [[{ path: "a", kind: "missing" }], [0]]);
    for (const wrong of ["a.torrent", null, {}]) {
      await assert.rejects(
        verifyTorrent(wrong as unknown as Uint8Array, dir),
        { name: "RangeError", message: /bytes of a \.torrent/ },
      );
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
