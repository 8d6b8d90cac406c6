import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Ceilings, checkLayers } from "../../scripts/check_layers.ts";
import { scanSource } from "../../scripts/lib/source_scan.ts";

const made: string[] = [];
after(() => made.forEach((dir) => rmSync(dir, { recursive: true, force: true })));

/** Writes a tree of files and gives what the check says of it, as "file:line message". */
function problemsOf(files: Record<string, string>, ceilings?: Ceilings): string[] {
  const root = mkdtempSync(join(tmpdir(), "shoal-layers-"));
  made.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return checkLayers(root, ceilings).map(({ file, line, message }) => `${file}:${line} ${message}`);
}

function assertOne(problems: string[], pattern: RegExp): void {
  assert.equal(problems.length, 1, problems.join("\n"));
  assert.match(problems[0] ?? "", pattern);
}

describe("checkLayers: directions", () => {
  it("passes imports that go down", () => {
    assert.deepEqual(
      problemsOf({
        "src/util/a.ts": "export const a = 1;\n",
        "src/wire/b.ts": 'import { a } from "../util/a.ts";\nexport const b = a;\n',
        "src/pieces/c.ts": 'import { b } from "../wire/b.ts";\nexport const c = b;\n',
        "src/torrent/d.ts": 'import { c } from "../pieces/c.ts";\nexport const d = c;\n',
        "src/client/e.ts": 'import { d } from "../torrent/d.ts";\nexport const e = d;\n',
        "mod.ts": 'export { e } from "./src/client/e.ts";\n',
      }),
      [],
    );
  });

  it("fails on an import that goes up, with file and line", () => {
    const problems = problemsOf({
      "src/util/a.ts": 'export const z = 0;\nimport { b } from "../wire/b.ts";\nb;\n',
      "src/wire/b.ts": "export const b = 1;\n",
    });
    assertOne(problems, /^src\/util\/a\.ts:2 util must not import wire/);
  });

  it("fails on a sideways import, also when it is only of types", () => {
    const problems = problemsOf({
      "src/pieces/a.ts": 'import type { B } from "../storage/b.ts";\nexport type A = B;\n',
      "src/storage/b.ts": "export type B = number;\n",
    });
    assertOne(problems, /pieces must not import storage/);
  });

  it("every file may import platform/types as types, and none at run time", () => {
    const types = { "src/platform/types.ts": "export interface Clock {}\n" };
    const asType = 'import type { Clock } from "../platform/types.ts";\nexport type A = Clock;\n';
    assert.deepEqual(problemsOf({ ...types, "src/util/a.ts": asType }), []);
    const atRunTime = asType.replace("import type {", "import { type");
    assertOne(problemsOf({ ...types, "src/util/a.ts": atRunTime }), /write "import type"/);
  });

  it("only cli and mod.ts may import platform/select", () => {
    const problems = problemsOf({
      "src/platform/select.ts": "export const select = 1;\n",
      "src/cli/a.ts": 'import { select } from "../platform/select.ts";\nselect;\n',
      "src/client/b.ts": 'import { select } from "../platform/select.ts";\nselect;\n',
    });
    assertOne(problems, /^src\/client\/b\.ts:1 client must not import platform\/select/);
  });

  it("the runtimes' folders may not import each other", () => {
    const problems = problemsOf({
      "src/platform/deno/a.ts": 'import { b } from "../bun/b.ts";\nb;\n',
      "src/platform/bun/b.ts": 'import { c } from "../shared/c.ts";\nexport const b = c;\n',
      "src/platform/shared/c.ts": "export const c = 1;\n",
    });
    assertOne(problems, /platform\/deno must not import platform\/bun/);
  });

  it("sees re-exports and dynamic imports", () => {
    const problems = problemsOf({
      "src/util/a.ts": 'export * from "../pieces/c.ts";\nexport const f = () =>\n' +
        '  import("../pieces/c.ts");\n',
      "src/pieces/c.ts": "export const c = 1;\n",
    });
    assert.equal(problems.length, 2, problems.join("\n"));
    assert.match(problems[1] ?? "", /^src\/util\/a\.ts:3 /);
  });

  it("fails on a folder that has no layer, on a missing file and on an unknown package", () => {
    const problems = problemsOf({
      "src/misc/a.ts": 'import "../util/b.ts";\n',
      "src/util/b.ts": 'import "./gone.ts";\nimport leftPad from "left-pad";\nleftPad;\n',
    });
    assert.equal(problems.length, 3, problems.join("\n"));
    assert.match(problems[0] ?? "", /misc is in no layer/);
    assert.match(problems[1] ?? "", /gone\.ts, which does not exist/);
    assert.match(problems[2] ?? "", /imports "left-pad"/);
  });
});

describe("checkLayers: cycles", () => {
  it("fails on a cycle at run time and names the whole ring", () => {
    const problems = problemsOf({
      "src/util/a.ts": 'import { b } from "./b.ts";\nexport const a = () => b;\n',
      "src/util/b.ts": 'import { c } from "./c.ts";\nexport const b = () => c;\n',
      "src/util/c.ts": 'import { a } from "./a.ts";\nexport const c = () => a;\n',
    });
    assertOne(problems, /cycle: src\/util\/a\.ts -> src\/util\/b\.ts -> src\/util\/c\.ts -> src/);
  });

  it("passes a ring that is closed only by types", () => {
    const problems = problemsOf({
      "src/util/a.ts": 'import { b } from "./b.ts";\nexport type A = typeof b;\n',
      "src/util/b.ts": 'import type { A } from "./a.ts";\nexport const b = (a: A) => a;\n',
    });
    assert.deepEqual(problems, []);
  });
});

describe("checkLayers: names and length", () => {
  const banned = [
    "Deno.cwd()",
    "globalThis.Deno",
    "Bun.file(x)",
    "setTimeout(f, 1)",
    "setInterval(f, 1)",
    "queueMicrotask(f)",
    "Date.now()",
    "new Date()",
    "performance.now()",
    "Math.random()",
    "crypto.subtle",
    "fetch(url)",
    "console.log(1)",
    "`text ${Date.now()} more`",
    "AbortSignal.timeout(5)",
  ];
  for (const code of banned) {
    it(`finds ${code} outside the platform, and only there`, () => {
      const text = `// first line\nexport const x = (f: never, url: never) => ${code};\n`;
      assertOne(problemsOf({ "src/pieces/a.ts": text }), /^src\/pieces\/a\.ts:2 names .*: \w/);
      assert.deepEqual(problemsOf({ "src/platform/shared/a.ts": text }), []);
    });
  }

  it("finds node: imports outside the platform", () => {
    const text = 'import { x } from "node:fs";\nx;\n';
    assertOne(problemsOf({ "src/cli/a.ts": text }), /imports node:fs/);
    assert.deepEqual(problemsOf({ "src/platform/bun/a.ts": text }), []);
  });

  it("ignores comments, strings, regular expressions and members of other objects", () => {
    const text = [
      "// Deno and Bun: see setTimeout(",
      "/* console.log(1) */",
      'export const a = "Deno.cwd()" + \'Date.now()\' + `fetch(${"x"}) console.log`;',
      "export const b = /console.log\\/[/]Deno/.test(a);",
      "export const c = (http: { fetch(u: string): void }) => http.fetch(a);",
      "export const d = (own: { console: { log(): void } }) => own.console.log();",
      "export const Denominator = 4 / 2 / 1; export const setTimeoutMs = 3;",
    ].join("\n");
    const problems = problemsOf({ "src/util/a.ts": text });
    // Only the declaration of a method called `fetch` looks like a call: it must have another name.
    assertOne(problems, /^src\/util\/a\.ts:5 names fetch/);
  });

  it("fails on a file with a class that imports over 15 others", () => {
    const names = Array.from({ length: 16 }, (_, i) => `p${i}`);
    const parts = names.map((name) => [`src/util/${name}.ts`, `export const ${name} = 1;\n`]);
    const problems = (count: number, rest: string) => {
      const imports = names.slice(0, count).map((name) => `import "./${name}.ts";\n`).join("");
      return problemsOf({ ...Object.fromEntries(parts), "src/util/a.ts": imports + rest });
    };
    assert.deepEqual(problems(15, "export class A {}\n"), []);
    assert.deepEqual(problems(16, "export const a = 1;\n"), []);
    assertOne(problems(16, "export class A {}\n"), /a\.ts:1 imports 16 files, more than 15/);
  });

  it("fails on a class that shows over 20 members, whatever it hides", () => {
    const members = (count: number) =>
      Array.from({ length: count }, (_, i) => `  get m${i}(): number {\n    return 0;\n  }\n`);
    const hidden = "  #own = 1;\n  private kept = 2;\n  constructor() {\n    this.#own;\n  }\n";
    const setter = "  set m0(n: number) {\n    n;\n  }\n  static {\n    1;\n  }\n";
    const problems = (count: number) =>
      problemsOf({
        "src/util/a.ts": `\nexport class A {\n${hidden}${members(count).join("")}${setter}}\n`,
      });
    assert.deepEqual(problems(20), []);
    assertOne(problems(21), /a\.ts:2 class A shows 21 members, more than 20/);
  });

  it("has ceilings that only shrink", () => {
    const members = Array.from({ length: 22 }, (_, i) => `  m${i}(): void {}\n`);
    const problems = (count: number) =>
      problemsOf(
        { "src/util/a.ts": `export class A {\n${members.slice(0, count).join("")}}\n` },
        { imports: {}, members: { "src/util/a.ts": 22 } },
      );
    assert.deepEqual(problems(22), []);
    assertOne(problems(21), /lower its ceiling to 21/);
    assertOne(problems(20), /remove its ceiling/);
  });
});

describe("scanSource", () => {
  it("distinguishes imports of types from those of values", () => {
    const { imports } = scanSource([
      'import a from "a";',
      'import type { B } from "b";',
      'import { type C } from "c";',
      'import * as d from "d";',
      'import e, { f } from "e";',
      'export type { G } from "g";',
      'export * as h from "h";',
      'import "i";',
      "const text = \"import x from 'nowhere'\";",
    ].join("\n"));
    assert.deepEqual(
      imports.map(({ specifier, line, typeOnly }) => `${specifier}${line}${typeOnly ? "t" : ""}`),
      ["a1", "b2t", "c3", "d4", "e5", "g6t", "h7", "i8"],
    );
  });

  it("keeps lines, length and the code inside templates", () => {
    const text = "const a = `x ${b + `y ${c} z`} w`;\n/* two\nlines */ const d = 1;\n";
    const { code } = scanSource(text);
    assert.equal(code.length, text.length);
    assert.equal(code.split("\n").length, text.split("\n").length);
    assert.match(code, /b \+ ` {2}\$\{c\} {2}`/);
    assert.match(code, /const d = 1/);
    assert.doesNotMatch(code, /[xyzw]|two|lines/);
  });
});
