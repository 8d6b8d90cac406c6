import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ConfigError } from "../../src/daemon/config_file.ts";
import { FileSettings, type GivenSettings } from "../../src/daemon/settings.ts";
import { selectPlatform } from "../../src/platform/select.ts";

const NOTHING: GivenSettings = { environment: {}, flags: {} };

let folder = "", count = 0;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "shoal-settings-"));
});
after(() => rm(folder, { recursive: true }));

async function opened(text: string | null, given = NOTHING) {
  const { files } = selectPlatform(), PATH = join(folder, `${++count}`, "config.jsonc");
  if (text !== null) await mkdir(dirname(PATH));
  const write = (text: string) => files.writeWhole(PATH, new TextEncoder().encode(text));
  const read = async () => new TextDecoder().decode(await files.read(PATH, 1e6));
  if (text !== null) await write(text);
  return { settings: await FileSettings.open(files, PATH, given), files, read, write };
}

function valueOf(settings: FileSettings, name: string): unknown {
  const { value, source } = settings.list().find((view) => view.name === name)!;
  return [value, source];
}

describe("settings of a daemon", () => {
  it("come from the defaults without a file", async () => {
    const { settings } = await opened(null);
    assert.equal(settings.present.listen, "127.0.0.1:9091");
    assert.equal(settings.present.maxConnections, 500);
    assert.deepEqual(settings.present.torrents.seedGoal, { kind: "forever" });
    assert.deepEqual(valueOf(settings, "maxConnections"), [500, "default"]);
  });

  it("come from flags over the environment over the file, each part of an option by itself", async () => {
    const { settings } = await opened(
      '{ "limits": { "up": 1000, "down": 2000 }, "maxConnections": 7, "port": 1 }',
      { environment: { limits: { up: 3000 }, port: 2 }, flags: { port: 3 } },
    );
    assert.deepEqual(settings.present.limits, { down: 2000, up: 3000 });
    assert.deepEqual(valueOf(settings, "port"), [3, "flag"]);
    assert.deepEqual(valueOf(settings, "limits"), [{ down: 2000, up: 3000 }, "environment"]);
    assert.deepEqual(valueOf(settings, "maxConnections"), [7, "file"]);
  });

  const faults: readonly [text: string, message: RegExp][] = [
    ['{\n  "limts": {}\n}', /config\.jsonc:2:3: There is no setting limts: did you mean limits\?/],
    ['{\n  "torrents": { "seedGaol": 1 }\n}', /:2:17: .*did you mean torrents\.seedGoal\?/],
    ['{ "seedGoal": { "kind": "none" } }', /did you mean torrents\.seedGoal\?/],
    ['{\n  "port": "high"\n}', /:2:11: The option port is "high": it must be a whole number/],
    [
      '{ "limits": { "upp": 1 } }',
      /:1:13: There is no setting limits\.upp/,
    ],
    ['{\n  "port": 1,\n  "lsd": tru\n}', /:3:10: /],
    ['{ "port": 1, "port": 2 }', /port is there twice/],
    ["[]", /must be an object/],
    ['{ "password": "hunter2" }', /password must be|option password is/],
    ['{ "torrents": { "dir": "relative" } }', /not an absolute path/],
  ];
  for (const [text, message] of faults) {
    it(`are refused with line and column: ${text.replaceAll("\n", " ")}`, async () => {
      await assert.rejects(opened(text), (error: Error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, message);
        assert.match(error.message, /^\/.*\/config\.jsonc:\d+:\d+: /);
        return true;
      });
    });
  }

  it("keep the comments of the file when one is changed", async () => {
    const { settings, read } = await opened(
      '// mine\n{\n  // the port of the router\n  "port": 1, // opened\n  /* slow line */ "limits": { "up": 5 }\n}\n',
    );
    const changed: string[][] = [];
    settings.onChange((names) => void changed.push([...names]));
    await settings.update({ port: 2, maxConnections: 9, "torrents.maxPeers": 30 });
    const text = await read();
    for (const kept of ["// mine", "// the port of the router", "// opened", "/* slow line */"]) {
      assert.ok(text.includes(kept), text);
    }
    assert.match(text, /"port": 2/);
    assert.match(text, /"torrents": \{\s+"maxPeers": 30\s+\}/);
    assert.equal(settings.present.port, 2);
    assert.equal(settings.present.torrents.maxPeers, 30);
    assert.deepEqual(changed, [["port", "maxConnections", "torrents.maxPeers"]]);
  });

  it("are not changed by a patch with one wrong value", async () => {
    const { settings, read } = await opened('{ "port": 1 }');
    await assert.rejects(settings.update({ port: 2, lsd: "yes" }), /option lsd is "yes"/);
    await assert.rejects(settings.update({ prot: 2 }), /no setting prot: did you mean port/);
    assert.equal(settings.present.port, 1);
    assert.equal(await read(), '{ "port": 1 }');
  });

  it("stay as they were, in the file too, if what listens refuses", async () => {
    const { settings, read } = await opened('{ "port": 1 }');
    const seen: unknown[] = [];
    settings.onChange(() => {
      seen.push(settings.present.port);
      if (settings.present.port === 2) throw new RangeError("the port is taken");
    });
    await assert.rejects(settings.update({ port: 2 }), /the port is taken/);
    assert.deepEqual(seen, [2, 1], "told of the way back");
    assert.equal(await read(), '{ "port": 1 }');
  });

  it("changed by hand overrule a flag of the start", async () => {
    const { settings } = await opened(null, { environment: {}, flags: { port: 3 } });
    await settings.update({ port: 4 });
    assert.deepEqual(valueOf(settings, "port"), [4, "file"]);
  });

  it("are read again, and kept if the new file has a fault", async () => {
    const { settings, write } = await opened('{ "port": 1 }');
    await write('{ "port": 5, "lsd": false }');
    assert.deepEqual(await settings.reload(), ["port", "lsd"]);
    await write('{ "port": }');
    await assert.rejects(settings.reload(), /config\.jsonc:1:11: value expected/);
    assert.equal(settings.present.port, 5);
  });

  it("return to the default when they are removed", async () => {
    const { settings, read } = await opened('{ "port": 1, "lsd": false }');
    await settings.update({ port: undefined });
    assert.deepEqual(valueOf(settings, "port"), [0, "default"]);
    assert.doesNotMatch(await read(), /port/);
  });
});
