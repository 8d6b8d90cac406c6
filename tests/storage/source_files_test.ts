import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, beforeEach, describe, it } from "node:test";
import { selectPlatform } from "../../src/platform/select.ts";
import { changedSince, findSource, lastPart } from "../../src/storage/source_files.ts";
import { FileError } from "../../src/util/errors.ts";

const { files } = selectPlatform();
const folders: string[] = [];
let folder = "";

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "shoal-source-")));
  folders.push(folder);
});
after(() => {
  for (const each of folders) rmSync(each, { recursive: true, force: true });
});

function put(path: string, content = "x"): string {
  const full = join(folder, path);
  mkdirSync(join(full, ".."), { recursive: true });
  writeFileSync(full, content);
  return full;
}

function code(expected: string, message = /./) {
  return (error: unknown) =>
    error instanceof FileError && error.code === expected && message.test(error.message);
}

describe("findSource", () => {
  it("finds hidden and empty files, and no empty folders", () => {
    put("a/b.txt", "abc");
    put(".hidden/.x", "12");
    put("empty", "");
    mkdirSync(join(folder, "nothing/in/here"), { recursive: true });
    const { root, name, files: found, links, others } = findSource(files, folder);
    assert.equal(root, folder);
    assert.equal(name, lastPart(folder));
    assert.deepEqual(
      found.map(({ path, location, stat }) => [path.join("/"), location, stat.size]).sort(),
      [
        [".hidden/.x", join(folder, ".hidden/.x"), 2],
        ["a/b.txt", join(folder, "a/b.txt"), 3],
        ["empty", join(folder, "empty"), 0],
      ],
    );
    assert.deepEqual([links, others], [[], []]);
  });

  it("accepts a single file, without a path below", () => {
    const path = put("film.mkv", "1234");
    const { name, files: found } = findSource(files, path);
    assert.deepEqual([name, found.length, found[0]!.path, found[0]!.stat.size], [
      "film.mkv",
      1,
      [],
      4,
    ]);
  });

  it("names links instead of following them, into circles least of all", () => {
    put("real/file");
    symlinkSync("real/file", join(folder, "link"));
    symlinkSync(folder, join(folder, "real/up"));
    symlinkSync("nowhere", join(folder, "broken"));
    const { files: found, links } = findSource(files, folder);
    assert.deepEqual(found.map(({ path }) => path), [["real", "file"]]);
    assert.deepEqual(links.sort(), ["broken", "link", "real/up"].map((path) => join(folder, path)));
  });

  it("follows the link that was named, if it leads to a folder", () => {
    put("real/file");
    symlinkSync("real", join(folder, "link"));
    symlinkSync("real/file", join(folder, "to-file"));
    const { name, files: found } = findSource(files, join(folder, "link"));
    assert.deepEqual([name, found.map(({ path }) => path)], ["link", [["file"]]]);
    assert.throws(
      () => findSource(files, join(folder, "to-file")),
      code("symlink", /name its target/),
    );
  });

  it("leaves out entries that are neither file nor folder", {
    skip: process.platform === "win32" && "no sockets in folders here",
  }, async () => {
    put("file");
    const socket = join(folder, "socket");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      const { files: found, others } = findSource(files, folder);
      assert.deepEqual([found.length, others], [1, [socket]]);
      assert.throws(() => findSource(files, socket), code("io", /neither a file nor a folder/));
    } finally {
      server.close();
    }
  });

  it("explains why a path cannot be used", () => {
    assert.throws(
      () => findSource(files, join(folder, "none")),
      code("not-found", /there is no such file/),
    );
  });

  it("refuses names that are no UTF-8, which it cannot open", {
    skip: process.platform !== "linux" && "names are always Unicode here",
  }, () => {
    // By a shell, because Deno would turn the byte into a character.
    const shell = spawnSync("sh", ["-c", ': > "$(printf "%s/a\\377" "$0")"', folder]);
    assert.equal(shell.status, 0, String(shell.stderr));
    assert.throws(() => findSource(files, folder), code("io", /not valid UTF-8; rename the file/));
  });

  it("notices files that vanish while it looks", () => {
    const path = put("file");
    const vanishing = { ...files, stat: (at: string) => at === path ? null : files.stat(at) };
    assert.throws(() => findSource(vanishing, folder), code("changed", /was removed/));
  });
});

describe("changedSince", () => {
  it("finds files that grew, were written to, replaced or removed, and no others", () => {
    for (const name of ["same", "grown", "written", "replaced", "gone"]) put(name, name);
    const { files: found } = findSource(files, folder);
    assert.deepEqual(changedSince(files, found), []);
    appendFileSync(join(folder, "grown"), "!");
    utimesSync(join(folder, "written"), 1, 1);
    const { mtimeMs } = found.find(({ path }) => path[0] === "replaced")!.stat;
    rmSync(join(folder, "gone"));
    put("other", "replaced");
    utimesSync(join(folder, "other"), mtimeMs / 1000, mtimeMs / 1000);
    files.rename(join(folder, "other"), join(folder, "replaced"));
    const changed = changedSince(files, found).map(({ path }) => path[0]);
    assert.deepEqual(changed.sort(), ["gone", "grown", "replaced", "written"]);
  });
});

describe("lastPart", () => {
  it("is the name, whatever the system's separators", () => {
    assert.equal(lastPart("/a/b c"), "b c");
    assert.equal(lastPart("/a/b/"), "b");
    assert.equal(lastPart("C:\\data\\x"), "x");
    assert.equal(lastPart("\\\\server\\share\\x"), "x");
    assert.equal(lastPart("/a/b\\c"), "b\\c", "a letter like any other");
    assert.equal(lastPart("/"), "");
  });
});
