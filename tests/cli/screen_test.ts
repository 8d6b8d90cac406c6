import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Output } from "../../src/cli/output.ts";
import { segment } from "../../src/cli/render/line.ts";
import { LiveReporter } from "../../src/cli/render/live_reporter.ts";
import { LiveScreen } from "../../src/cli/render/live_screen.ts";
import { liveTerminal } from "../../src/cli/render/terminal.ts";
import { FakeProcess, snapshotOf } from "./fakes.ts";
import { ScreenModel } from "./screen_model.ts";

function lines(...texts: string[]) {
  return texts.map((text) => [segment(text)]);
}

function harness(columns: number, rows: number) {
  const process = new FakeProcess();
  const output = new Output(process);
  const size = { columns, rows, color: false };
  const screen = new LiveScreen(output, {
    size: () => size,
    onContinue: (fn) => process.onContinue(fn),
  });
  const model = async () => {
    await output.flush();
    const model = new ScreenModel(columns, rows);
    model.write(process.printed);
    return model;
  };
  return { process, output, size, screen, model };
}

describe("LiveScreen", () => {
  it("draws again in place and prints other text above", async () => {
    const { screen, output, model } = harness(40, 10);
    screen.draw(lines("first 1%", "peers"));
    await output.flush();
    screen.draw(lines("first 2%", "peers"));
    screen.print("a note");
    await output.flush();
    screen.draw(lines("first 3%"));
    assert.deepEqual((await model()).text(), ["a note", "first 3%"]);
  });

  it("never hides the cursor, which Ctrl-Z would leave hidden, and wipes itself", async () => {
    const { screen, process, output, model } = harness(40, 10);
    screen.draw(lines("x"));
    screen.close();
    await output.flush();
    const { length } = process.printed;
    screen.close();
    assert.deepEqual((await model()).text(), []);
    assert.equal(process.printed.length, length, "the second close writes nothing");
    assert.equal(process.continueHandlers.size, 0);
    assert.ok(!process.printed.includes("\x1b[?25"));
  });

  it("draws below the output of other programs while it was stopped", async () => {
    const { screen, process, output, model } = harness(40, 10);
    screen.draw(lines("film 1%", "peers"));
    await output.flush();
    process.printed += "[1]+ Stopped\n$ fg\n";
    for (const fn of process.continueHandlers) fn();
    screen.draw(lines("film 2%", "peers"));
    await output.flush();
    screen.draw(lines("film 3%", "peers"));
    const shown = ["film 1%", "peers", "[1]+ Stopped", "$ fg", "film 3%", "peers"];
    assert.deepEqual((await model()).text(), shown);
  });

  it("never draws more than the terminal's rows and columns", async () => {
    const { screen, output, model } = harness(20, 4);
    for (let frame = 0; frame < 3; frame++) {
      screen.draw(lines(`${frame} ${"wide ".repeat(20)}`, "b", "c", "d", "e", "f"));
      await output.flush();
    }
    assert.deepEqual((await model()).text(), ["2 wide wide wide w…", "b", "c"]);
  });

  it("skips frames while the reader is slow", async () => {
    const process = new FakeProcess();
    let release = () => {};
    const output = new Output({
      out: (text) => {
        process.printed += text;
        return new Promise((resolve) => release = resolve);
      },
      err: () => Promise.resolve(),
    });
    const screen = new LiveScreen(output, {
      size: () => ({ columns: 80, rows: 24, color: false }),
      onContinue: () => ({ cancel() {} }),
    });
    screen.draw(lines("one"));
    for (let i = 0; i < 100; i++) screen.draw(lines("later"));
    release();
    await Promise.resolve();
    await Promise.resolve();
    release();
    assert.equal(process.printed.split("later").length - 1, 1);
  });
});

describe("LiveReporter", () => {
  it("does not draw over the output of other programs, even if it learns late that it was stopped", async () => {
    const process = new FakeProcess(), output = new Output(process);
    process.size = { columns: 80, rows: 24, color: false };
    const reporter = new LiveReporter(output, liveTerminal(process)!);
    const torrents = [snapshotOf({ name: "film" })];
    const frame = async (now: number) => {
      process.printed = "";
      reporter.tick(torrents, now);
      await output.flush();
      return process.printed;
    };
    await frame(0);
    assert.ok((await frame(200)).startsWith("\x1b[3A\r\x1b[J"), "in place");
    assert.equal(await frame(9000), "", "the first frame after a stop waits for the news of it");
    for (const fn of process.continueHandlers) fn();
    assert.ok((await frame(9200)).startsWith("\r\x1b[Jfilm"), "below");
    assert.ok((await frame(9400)).startsWith("\x1b[3A\r\x1b[J"), "in place again");
    reporter.close();
  });
});

describe("liveTerminal", () => {
  it("is null where nothing can be drawn in place", () => {
    const process = new FakeProcess([], { TERM: "dumb" });
    assert.equal(liveTerminal(process), null);
    process.size = { columns: 80, rows: 24, color: true };
    assert.equal(liveTerminal(process), null);
  });

  it("honours NO_COLOR and the locale", () => {
    const process = new FakeProcess([], { NO_COLOR: "1", LANG: "en_US.UTF-8" });
    process.size = { columns: 0, rows: 0, color: true };
    const terminal = liveTerminal(process)!;
    assert.deepEqual(terminal.size(), { columns: 80, rows: 24, color: false });
    assert.equal(terminal.glyphs.unicode, true);
    const plain = new FakeProcess([], { LC_ALL: "C", LANG: "en_US.UTF-8" });
    plain.size = { columns: 80, rows: 24, color: true };
    assert.equal(liveTerminal(plain)!.glyphs.unicode, false);
    assert.equal(liveTerminal(plain)!.size().color, true);
  });
});

describe("Output", () => {
  it("keeps the order and drops text that no reader wants", async () => {
    let writes = 0;
    const output = new Output({
      out: () => ++writes < 2 ? Promise.resolve() : Promise.reject(new Error("EPIPE")),
      err: () => Promise.resolve(),
    });
    output.line("a");
    output.line("b");
    output.line("c");
    await output.flush();
    assert.equal(writes, 2);
    output.line("d");
    await output.flush();
    assert.equal(writes, 2);
  });
});
