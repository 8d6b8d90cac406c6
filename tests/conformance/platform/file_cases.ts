import assert from "node:assert/strict";
import { type AddCase, pattern, rejectsWith, sleep, throwsWith } from "./subject.ts";

export function handleCases(add: AddCase): void {
  add("FileHandle reads and writes at positions, sparse and in any order", ({ here, dir }) => {
    const file = here.files.open(`${dir}/f`, "write");
    const [a, b] = [pattern(70_000, 1), pattern(30_000, 2)];
    file.writeAt(b, 170_000);
    file.writeAt(a, 50_000);
    assert.equal(file.stat().size, 200_000);
    const whole = new Uint8Array(200_000).fill(1);
    assert.equal(file.readAt(whole, 0), 200_000);
    assert.ok(whole.subarray(0, 50_000).every((byte) => byte === 0), "a hole reads as zeros");
    assert.deepEqual(whole.subarray(50_000, 120_000), a);
    assert.deepEqual(whole.subarray(170_000), b);
    file.writeAt(Uint8Array.of(9), 60_000);
    const one = new Uint8Array(1);
    file.readAt(one, 60_000);
    assert.equal(one[0], 9);
    file.close();
    return Promise.resolve();
  });

  add("FileHandle reads short at the end of the file", async ({ here, dir }) => {
    await here.files.writeWhole(`${dir}/f`, pattern(1000, 1));
    const file = here.files.open(`${dir}/f`, "read");
    const into = new Uint8Array(100);
    assert.equal(file.readAt(into, 950), 50);
    assert.equal(await file.readAsync(into, 950), 50);
    assert.deepEqual(into.subarray(0, 50), pattern(1000, 1).subarray(950));
    for (const past of [1000, 5000]) {
      assert.equal(file.readAt(into, past), 0);
      assert.equal(await file.readAsync(into, past), 0);
    }
    const large = new Uint8Array(900);
    assert.equal(await file.readAsync(large, 50), 900);
    assert.deepEqual(large, pattern(1000, 1).subarray(50, 950));
    file.close();
  });

  add("FileHandle.writeAsync and openAsync do what writeAt and open do", async ({ here, dir }) => {
    const { files } = here, path = `${dir}/f`;
    const file = await files.openAsync(path, "create");
    await rejectsWith(files.openAsync(path, "create"), "exists");
    const [a, b] = [pattern(70_000, 1), pattern(30_000, 2)];
    await file.writeAsync(b, 170_000);
    await file.writeAsync(a, 50_000);
    file.writeAt(Uint8Array.of(9), 60_000);
    await file.writeAsync(Uint8Array.of(8), 60_001);
    assert.equal(file.stat().size, 200_000);
    assert.deepEqual((await files.statAsync(path))!.size, 200_000);
    const whole = new Uint8Array(200_000);
    assert.equal(file.readAt(whole, 0), 200_000);
    a.set([9, 8], 10_000);
    assert.deepEqual(whole.subarray(50_000, 120_000), a);
    assert.deepEqual(whole.subarray(170_000), b);
    await file.writeAsync(new Uint8Array(0), 10);
    file.close();
    await rejectsWith(file.writeAsync(a, 0), "io");
    const reading = await files.openAsync(path, "read");
    await rejectsWith(reading.writeAsync(a, 0), "io", "permission");
    reading.close();
    assert.equal(await files.statAsync(`${dir}/none`), null);
    assert.equal(await files.statAsync(`${path}/none`), null);
    await rejectsWith(files.openAsync(`${dir}/none`, "read"), "not-found");
    await rejectsWith(files.openAsync(dir, "read"), "is-directory");
  });

  add("FileHandle.writeAsync follows no link and no other file of the name", async (t) => {
    const { files } = t.here, path = `${t.dir}/f`, other = `${t.dir}/other`;
    const file = files.open(path, "write");
    files.open(other, "write").close();
    files.rename(path, `${t.dir}/renamed`);
    files.rename(other, path);
    // It is written where the handle is, or not at all.
    const failure = await file.writeAsync(pattern(10, 1), 0).then(() => null, (error) => error);
    assert.ok(failure === null || failure.code === "changed", String(failure));
    assert.equal(file.stat().size, failure === null ? 10 : 0);
    assert.equal(files.stat(path)!.size, 0);
    t.link(`${t.dir}/link`, path);
    await rejectsWith(files.openAsync(`${t.dir}/link`, "write"), "symlink");
    file.close();
  });

  add("FileHandle.close waits for a write under way", async ({ here, dir }) => {
    const file = here.files.open(`${dir}/f`, "write"), bytes = pattern(1_000_000, 4);
    const writing = file.writeAsync(bytes, 0);
    file.close();
    await writing;
    assert.deepEqual(await here.files.read(`${dir}/f`, 2_000_000), bytes);
  });

  add("FileHandle works beyond 4 GiB and takes no space for holes", ({ here, dir }) => {
    const file = here.files.open(`${dir}/huge`, "write");
    const far = 5 * 2 ** 30 + 12_345;
    file.writeAt(pattern(1000, 3), far);
    const { size, allocated } = file.stat();
    assert.equal(size, far + 1000);
    assert.ok(allocated < 10_000_000);
    const into = new Uint8Array(1000);
    assert.equal(file.readAt(into, far), 1000);
    assert.deepEqual(into, pattern(1000, 3));
    assert.equal(file.readAt(into, far - 2 ** 32), 1000);
    assert.ok(into.every((byte) => byte === 0), "not at the offset modulo 2^32");
    file.close();
    here.files.remove(`${dir}/huge`);
    return Promise.resolve();
  });

  add("FileHandle.truncate cuts and extends with zeros", ({ here, dir }) => {
    const file = here.files.open(`${dir}/f`, "write");
    file.writeAt(pattern(10_000, 1), 0);
    file.truncate(5001);
    file.truncate(20_000);
    const all = new Uint8Array(20_000);
    assert.equal(file.readAt(all, 0), 20_000);
    assert.deepEqual(all.subarray(0, 5001), pattern(10_000, 1).subarray(0, 5001));
    assert.ok(all.subarray(5001).every((byte) => byte === 0));
    file.close();
    return Promise.resolve();
  });

  add("FileHandle.sync resolves, and close may come while calls are under way", async (t) => {
    const file = t.here.files.open(`${t.dir}/f`, "write");
    file.writeAt(pattern(300_000, 1), 0);
    await file.sync();
    const into = new Uint8Array(300_000);
    const [reading, syncing] = [file.readAsync(into, 0), file.sync()];
    file.close();
    file.close();
    assert.equal(await reading, 300_000);
    await syncing;
    assert.deepEqual(into, pattern(300_000, 1));
  });

  add("a closed FileHandle refuses everything", async ({ here, dir }) => {
    const file = here.files.open(`${dir}/f`, "write");
    file.close();
    const other = here.files.open(`${dir}/g`, "write"); // may get the same number
    const bytes = new Uint8Array(1);
    throwsWith(() => file.writeAt(bytes, 0), "io");
    throwsWith(() => file.readAt(bytes, 0), "io");
    throwsWith(() => file.truncate(5), "io");
    throwsWith(() => file.stat(), "io");
    await rejectsWith(file.readAsync(bytes, 0), "io");
    await rejectsWith(file.sync(), "io");
    assert.equal(other.stat().size, 0);
    other.close();
  });

  add("files.open for reading does not write or create", async ({ here, dir }) => {
    const failure = throwsWith(() => here.files.open(`${dir}/none`, "read"), "not-found");
    assert.match(failure.message, /none/);
    assert.equal(here.files.stat(`${dir}/none`), null);
    await here.files.writeWhole(`${dir}/f`, pattern(10, 1));
    const file = here.files.open(`${dir}/f`, "read");
    throwsWith(() => file.writeAt(new Uint8Array(1), 0), "io");
    file.close();
    assert.equal(here.files.stat(`${dir}/f`)!.size, 10);
  });
}

export function pathCases(add: AddCase): void {
  add('Files.open "create" takes no name that anything has', async ({ here, dir, link }) => {
    const { files } = here;
    const made = files.open(`${dir}/new`, "create");
    made.writeAt(pattern(100, 1), 0);
    made.close();
    await files.writeWhole(`${dir}/old`, pattern(10, 2));
    link(`${dir}/link`, `${dir}/nowhere`);
    files.makeDir(`${dir}/folder`);
    for (const taken of ["new", "old", "link", "folder"]) {
      throwsWith(() => files.open(`${dir}/${taken}`, "create"), "exists");
    }
    assert.deepEqual(await files.read(`${dir}/old`, 100), pattern(10, 2));
  });

  add("FileStat tells when a file was made, which writing leaves alone", async ({ here, dir }) => {
    const { files, clock } = here, before = Math.floor(clock.wallTime()) - 10;
    const file = files.open(`${dir}/f`, "create"), { bornMs } = file.stat();
    assert.ok(bornMs >= before && Number.isInteger(bornMs), `${bornMs}`);
    await sleep(here, 30);
    file.writeAt(pattern(100, 1), 0);
    assert.equal(file.stat().bornMs, bornMs);
    assert.equal(files.stat(`${dir}/f`)!.bornMs, bornMs);
    assert.equal(files.stat(`${dir}/f`)!.links, 1);
    assert.equal(files.stat(`${dir}/f`)!.device, files.stat(dir)!.device);
    file.close();
  });

  add("Files.lock is held by one at a time", ({ here, dir }) => {
    const { files } = here, path = `${dir}/lock`;
    const own = files.lock(path);
    assert.notEqual(own, null);
    assert.equal(files.lock(path), null);
    const other = files.lock(`${dir}/other`);
    assert.notEqual(other, null, "another file has a lock of its own");
    own!.release();
    own!.release();
    const again = files.lock(path);
    assert.notEqual(again, null);
    again!.release();
    other!.release();
    throwsWith(() => files.lock(`${dir}/no/lock`), "io", "not-found");
    return Promise.resolve();
  });

  add("files.open and makeDir refuse symbolic links and say what is in the way", async (t) => {
    const { here, dir } = t;
    await here.files.writeWhole(`${dir}/target`, pattern(10, 1));
    here.files.makeDir(`${dir}/folder`);
    t.link(`${dir}/link`, "target");
    t.link(`${dir}/dangling`, "nothing-here");
    t.link(`${dir}/linked-folder`, "folder");
    for (const mode of ["read", "write"] as const) {
      throwsWith(() => here.files.open(`${dir}/link`, mode), "symlink");
      throwsWith(() => here.files.open(`${dir}/dangling`, mode), "symlink");
      throwsWith(() => here.files.open(`${dir}/folder`, mode), "is-directory");
    }
    assert.equal(here.files.stat(`${dir}/nothing-here`), null, "nothing made through a link");
    throwsWith(() => here.files.makeDir(`${dir}/linked-folder`), "symlink");
    throwsWith(() => here.files.makeDir(`${dir}/target`), "not-directory");
    here.files.makeDir(`${dir}/folder`);
    throwsWith(() => here.files.open(`${dir}/target/x`, "write"), "not-directory");
    throwsWith(() => here.files.makeDir(`${dir}/no/such`), "not-found");
  });

  add("files.stat tells kinds, sizes and identity without following links", async (t) => {
    const { here, dir } = t;
    await here.files.writeWhole(`${dir}/f`, pattern(5000, 1));
    t.link(`${dir}/link`, "f");
    const [file, link] = [here.files.stat(`${dir}/f`)!, here.files.stat(`${dir}/link`)!];
    assert.deepEqual([file.kind, file.size], ["file", 5000]);
    assert.equal(link.kind, "link");
    assert.equal(here.files.stat(dir)!.kind, "directory");
    assert.notEqual(file.inode, link.inode);
    assert.ok(file.allocated >= 5000);
    assert.ok(Math.abs(file.mtimeMs - here.clock.wallTime()) < 60_000);
    assert.equal(here.files.stat(`${dir}/none`), null);
    assert.equal(here.files.stat(`${dir}/f/below`), null);
    await sleep(here, 20);
    const handle = here.files.open(`${dir}/f`, "write");
    handle.writeAt(Uint8Array.of(1), 0);
    handle.close();
    assert.ok(here.files.stat(`${dir}/f`)!.mtimeMs > file.mtimeMs, "a write shows in mtime");
  });

  add("files.listAsync tells what files.list does", async ({ here, dir }) => {
    for (const name of ["b", "a", "c"]) {
      await here.files.writeWhole(`${dir}/${name}`, pattern(1, 1));
    }
    assert.deepEqual(await here.files.listAsync(dir), here.files.list(dir));
    await rejectsWith(here.files.listAsync(`${dir}/none`), "not-found");
    await rejectsWith(here.files.listAsync(`${dir}/a`), "not-directory");
  });

  add("files.list is sorted; rename and remove do what they say", async ({ here, dir }) => {
    for (const name of ["b", "a", "c"]) {
      await here.files.writeWhole(`${dir}/${name}`, pattern(1, 1));
    }
    here.files.makeDir(`${dir}/sub`);
    await here.files.writeWhole(`${dir}/sub/x`, pattern(7, 1));
    assert.deepEqual(here.files.list(dir), ["a", "b", "c", "sub"]);
    here.files.rename(`${dir}/sub/x`, `${dir}/a`);
    assert.equal(here.files.stat(`${dir}/a`)!.size, 7);
    here.files.rename(`${dir}/sub`, `${dir}/moved`);
    here.files.remove(`${dir}/moved`);
    here.files.remove(`${dir}/b`);
    assert.deepEqual(here.files.list(dir), ["a", "c"]);
    throwsWith(() => here.files.remove(`${dir}/b`), "not-found");
    throwsWith(() => here.files.rename(`${dir}/b`, `${dir}/d`), "not-found");
    throwsWith(() => here.files.list(`${dir}/none`), "not-found");
    throwsWith(() => here.files.list(`${dir}/a`), "not-directory");
    here.files.makeDir(`${dir}/full`);
    await here.files.writeWhole(`${dir}/full/x`, pattern(1, 1));
    throwsWith(() => here.files.remove(`${dir}/full`), "exists");
  });

  add("files.remove of a link leaves its target", async (t) => {
    await t.here.files.writeWhole(`${t.dir}/f`, pattern(5, 1));
    t.link(`${t.dir}/link`, "f");
    t.here.files.remove(`${t.dir}/link`);
    assert.deepEqual(t.here.files.list(t.dir), ["f"]);
  });

  add("files.read takes whole small files, through links, up to a limit", async (t) => {
    const { here, dir } = t;
    const bytes = pattern(200_000, 1);
    await here.files.writeWhole(`${dir}/f`, bytes);
    t.link(`${dir}/link`, "f");
    assert.deepEqual(await here.files.read(`${dir}/f`, 200_000), bytes);
    assert.deepEqual(await here.files.read(`${dir}/link`, 1_000_000), bytes);
    await rejectsWith(here.files.read(`${dir}/f`, 199_999), "too-large");
    await rejectsWith(here.files.read(`${dir}/none`, 10), "not-found");
    await rejectsWith(here.files.read(dir, 10_000), "is-directory");
    await rejectsWith(here.files.read(dir, 10_000, { regularOnly: true }), "is-directory");
    assert.deepEqual(await here.files.read(`${dir}/f`, bytes.length, { regularOnly: true }), bytes);
    await here.files.writeWhole(`${dir}/empty`, new Uint8Array(0));
    assert.equal((await here.files.read(`${dir}/empty`, 0)).length, 0);
  });

  add("files.writeWhole replaces as a whole, in the order of the calls", async ({ here, dir }) => {
    const path = `${dir}/f`;
    await here.files.writeWhole(path, pattern(100_000, 1));
    const old = here.files.open(path, "read");
    await Promise.all([1, 2, 3, 4].map((i) => here.files.writeWhole(path, pattern(1000 * i, i))));
    assert.deepEqual(await here.files.read(path, 10_000), pattern(4000, 4));
    const first = new Uint8Array(100_000);
    assert.equal(old.readAt(first, 0), 100_000);
    assert.deepEqual(first, pattern(100_000, 1), "who has the old file open keeps all of it");
    old.close();
    assert.deepEqual(here.files.list(dir), ["f"], "no temporary file stays");
    here.files.makeDir(`${dir}/folder`);
    await rejectsWith(here.files.writeWhole(`${dir}/folder`, pattern(1, 1)), "is-directory");
    await rejectsWith(here.files.writeWhole(`${dir}/no/such`, pattern(1, 1)), "not-found");
    assert.deepEqual(here.files.list(dir), ["f", "folder"]);
  });

  add("files.freeSpace counts for folders still to be made; absolute resolves", async (t) => {
    const { here, dir } = t;
    const free = await here.files.freeSpace(`${dir}/not/made/yet`);
    assert.ok(free > 0);
    assert.equal(here.files.absolute(`${dir}/a/../b/./c`), `${dir}/b/c`);
    assert.match(here.files.absolute("x"), /^(\/|[A-Z]:).*x$/);
  });

  add("files.openLimit is a number of files, or unknown", ({ here }) => {
    const limit = here.files.openLimit();
    assert.ok(limit === null || (Number.isSafeInteger(limit) && limit > 0), `${limit}`);
    if (here.name !== "sim" && here.process.os === "linux") assert.notEqual(limit, null);
    return Promise.resolve();
  });

  add("files.copy copies a whole file, over nobody's and through no link", async (t) => {
    const { here, dir } = t;
    const bytes = pattern(300_000, 1);
    await here.files.writeWhole(`${dir}/f`, bytes);
    await here.files.copy(`${dir}/f`, `${dir}/g`);
    assert.deepEqual(await here.files.read(`${dir}/g`, 300_000), bytes);
    const handle = here.files.open(`${dir}/g`, "write");
    handle.writeAt(Uint8Array.of(bytes[0]! ^ 1), 0);
    handle.close();
    assert.deepEqual(await here.files.read(`${dir}/f`, 300_000), bytes, "the first is its own");
    await rejectsWith(here.files.copy(`${dir}/f`, `${dir}/g`), "exists");
    await rejectsWith(here.files.copy(`${dir}/none`, `${dir}/h`), "not-found");
    t.link(`${dir}/link`, "f");
    await rejectsWith(here.files.copy(`${dir}/link`, `${dir}/h`), "symlink");
    assert.equal(here.files.stat(`${dir}/h`), null);
  });

  add("files.realPath follows links, to nothing as well", (t) => {
    const { files } = t.here, real = files.realPath(t.dir)!;
    files.makeDir(`${t.dir}/folder`);
    files.open(`${t.dir}/folder/f`, "write").close();
    t.link(`${t.dir}/link`, "folder");
    t.link(`${t.dir}/folder/to-f`, "f");
    t.link(`${t.dir}/dangling`, "none");
    assert.equal(files.realPath(`${t.dir}/link/to-f`), `${real}/folder/f`);
    assert.equal(files.realPath(`${t.dir}/folder`), `${real}/folder`);
    for (const name of ["dangling", "none", "link/f/x"]) {
      assert.equal(files.realPath(`${t.dir}/${name}`), null, name);
    }
    t.link(`${t.dir}/circle`, "circle");
    throwsWith(() => files.realPath(`${t.dir}/circle`), "symlink");
    return Promise.resolve();
  });

  add("files.diskOf is the same for all that is on one disk, there or not", (t) => {
    const { files } = t.here, { id } = files.diskOf(t.dir);
    assert.notEqual(id, "");
    files.makeDir(`${t.dir}/folder`);
    files.open(`${t.dir}/folder/f`, "write").close();
    t.link(`${t.dir}/link`, "folder");
    t.link(`${t.dir}/dangling`, "none/at all");
    for (
      const name of [
        "folder",
        "folder/f",
        "link",
        "link/f",
        "dangling",
        "not/there/yet",
        "link/f/x",
      ]
    ) {
      assert.equal(files.diskOf(`${t.dir}/${name}`).id, id, name);
    }
    return Promise.resolve();
  });

  add("files.syncFolder takes folders that are there, and links to them", async (t) => {
    const { here, dir } = t;
    await here.files.writeWhole(`${dir}/f`, pattern(1, 1));
    await here.files.syncFolder(dir);
    here.files.makeDir(`${dir}/d`);
    t.link(`${dir}/to-folder`, "d");
    await here.files.syncFolder(`${dir}/to-folder`);
    await rejectsWith(here.files.syncFolder(`${dir}/none`), "not-found");
    await rejectsWith(here.files.syncFolder(`${dir}/f`), "not-directory");
  });
}
