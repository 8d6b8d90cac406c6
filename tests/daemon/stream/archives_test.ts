import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { crc32 as crcOfZlib } from "node:zlib";
import { type ArchiveFile, tarLength, tarOf } from "../../../src/daemon/stream/tar.ts";
import { crc32, zipLength, zipOf } from "../../../src/daemon/stream/zip.ts";
import { Prng } from "../../harness/prng.ts";

const dice = new Prng("archives"), folder = mkdtempSync(join(tmpdir(), "shoal-archives-"));
after(() => rmSync(folder, { recursive: true }));

const CONTENTS = new Map([
  ["season/one.mkv", dice.fill(new Uint8Array(100_000))],
  ["season/empty.nfo", new Uint8Array()],
  ["season/fílm 映画 🎬.txt", dice.fill(new Uint8Array(513))],
  [`season/${"long ".repeat(45)}.txt`, dice.fill(new Uint8Array(512))],
]);

function files(): ArchiveFile[] {
  return [...CONTENTS].map(([name, bytes]) => ({
    name,
    size: bytes.length,
    open: () =>
      Promise.resolve(
        new ReadableStream({
          start(controller) {
            for (let at = 0; at < bytes.length; at += 40_000) {
              controller.enqueue(bytes.slice(at, at + 40_000));
            }
            controller.close();
          },
        }),
      ),
  }));
}

async function whole(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return Buffer.concat(all);
}

/** Names and SHA-1 of an archive's files, as Python reads them. */
function readBy(module: "zipfile" | "tarfile", path: string): Map<string, string> {
  const open = module === "zipfile"
    ? "z=zipfile.ZipFile(p); assert z.testzip() is None; r=[(i.filename,z.read(i)) for i in z.infolist()]"
    : "t=tarfile.open(p); r=[(m.name,t.extractfile(m).read()) for m in t]";
  const script = `import ${module},hashlib,json,sys
p=sys.argv[1]
${open}
print(json.dumps([(n,hashlib.sha1(b).hexdigest()) for n,b in r]))`;
  return new Map(JSON.parse(execFileSync("python3", ["-c", script, path], { encoding: "utf8" })));
}

const needsPython = spawnSync("python3", ["--version"]).status === 0 ? {} : { skip: "no python3" };

describe("an archive of files", () => {
  it("has the length that was told, as ZIP and as TAR", async () => {
    assert.equal((await whole(zipOf(files(), 1_700_000_000))).length, zipLength(files()));
    assert.equal((await whole(tarOf(files(), 1_700_000_000))).length, tarLength(files()));
    assert.equal((await whole(zipOf([], 0))).length, zipLength([]));
  });

  it("is read by others: names, bytes and sums", needsPython, async () => {
    const { sha1 } = await import("../../harness/hasher.ts");
    const expected = new Map(
      [...CONTENTS].map(([name, bytes]) => [name, Buffer.from(sha1(bytes)).toString("hex")]),
    );
    for (
      const [module, bytes] of [
        ["zipfile", await whole(zipOf(files(), 1_700_000_000))],
        ["tarfile", await whole(tarOf(files(), 1_700_000_000))],
      ] as const
    ) {
      const path = join(folder, module);
      writeFileSync(path, bytes);
      assert.deepEqual(readBy(module, path), expected, module);
    }
  });

  it("tells lengths beyond 4 GiB without reading anything", () => {
    const size = 5 * 2 ** 30, open = () => Promise.reject(new Error("not read"));
    assert.equal(
      zipLength([{ name: "a", size, open }]),
      size + zipLength([{ name: "a", size: 0, open }]),
    );
    const huge = 9 * 2 ** 30;
    assert.equal(tarLength([{ name: "a", size: huge, open }]) % 512, 0);
    assert.ok(tarLength([{ name: "a", size: huge, open }]) > huge + 512, "with a pax header");
  });

  it("sums as zlib does, in any parts", () => {
    for (const length of [0, 1, 7, 8, 9, 1000]) {
      const bytes = dice.fill(new Uint8Array(length)), cut = Math.floor(length / 3);
      assert.equal(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut))), crcOfZlib(bytes));
    }
  });
});
