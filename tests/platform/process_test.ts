import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import {
  finished,
  IMPORT_SELECT,
  runtimeCommand,
  start,
  tempFolder,
  writeProgram,
} from "./run_program.ts";

async function run(source: string, onLine?: (pid: number) => void) {
  const folder = tempFolder();
  try {
    const script = writeProgram(folder.path, "program.ts", IMPORT_SELECT + source);
    const child = start(...runtimeCommand(script));
    if (onLine !== undefined) child.stdout!.once("data", () => onLine(child.pid!));
    return await finished(child);
  } finally {
    folder.dispose();
  }
}

/** Prints the first datagram. */
const RECEIVER = `import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1].replace("@", "\\0"))
receiver.settimeout(20)
print("bound", flush=True)
sys.stdout.buffer.write(receiver.recv(4096))`;

const limit = { timeout: 30_000 };

describe("Process on this runtime", () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`onInterrupt receives ${signal}, and the program ends in its own time`, limit, async () => {
      const result = await run(
        `const { process, clock } = selectPlatform();
        process.onInterrupt(() => {
          waiting.cancel();
          clock.after(50, async () => {
            await process.out("tidied up\\n");
            process.exitCode(7);
          });
        });
        const waiting = clock.after(60_000, () => {});
        await process.out("ready\\n");`,
        (pid) => process.kill(pid, signal),
      );
      assert.deepEqual([result.code, result.out], [7, "ready\ntidied up\n"], result.err);
    });
  }

  it("onHangup takes SIGHUP from onInterrupt until it is cancelled", limit, async () => {
    const result = await run(
      `const { process, clock } = selectPlatform();
      const waiting = clock.after(60_000, () => {});
      process.onInterrupt(() => {
        waiting.cancel();
        void process.out("interrupted\\n");
      });
      const hangup = process.onHangup(async () => {
        hangup.cancel();
        await process.out("hangup\\n");
        (await import("node:process")).default.kill(process.pid, "SIGTERM");
      });
      await process.out("ready\\n");`,
      (pid) => process.kill(pid, "SIGHUP"),
    );
    assert.deepEqual([result.code, result.out], [0, "ready\nhangup\ninterrupted\n"], result.err);
  });

  for (const abstract of [false, true]) {
    it(`notify reaches a Unix datagram socket${abstract ? " with an abstract name" : ""}`, async () => {
      const folder = tempFolder();
      const socket = abstract ? `@shoal-test-${process.pid}` : `${folder.path}/notify.sock`;
      const receiver = start("/usr/bin/python3", ["-c", RECEIVER, socket]);
      const received = finished(receiver);
      await new Promise((resolve) => receiver.stdout!.once("data", resolve));
      const program = `const { process } = selectPlatform();
        const text = "READY=1\\nSTATUS=\u00e4";
        await process.out(String(process.notify(${JSON.stringify(socket)}, text)));
        await process.out(String(process.notify("/nowhere/notify.sock", text)));`;
      const { out, err } = await run(program);
      assert.equal(out, "truefalse", err);
      assert.equal((await received).out, "bound\nREADY=1\nSTATUS=\u00e4");
      folder.dispose();
    });
  }

  it("onContinue is called when it continues after a stop", limit, async () => {
    const result = await run(
      `const { process, clock } = selectPlatform();
      process.onContinue(async () => {
        waiting.cancel();
        await process.out("continued\\n");
      });
      const waiting = clock.after(60_000, () => {});
      await process.out("ready\\n");`,
      (pid) => {
        process.kill(pid, "SIGSTOP");
        process.kill(pid, "SIGCONT");
      },
    );
    assert.deepEqual([result.code, result.out], [0, "ready\ncontinued\n"], result.err);
  });

  it("onInterrupt alone does not keep the program alive", limit, async () => {
    const result = await run(`selectPlatform().process.onInterrupt(() => {});`);
    assert.equal(result.code, 0, result.err);
  });

  it("cancelling onInterrupt restores the signal's default effect", limit, async () => {
    const result = await run(
      `const { process, clock } = selectPlatform();
      process.onInterrupt(() => {}).cancel();
      clock.after(20_000, () => {});
      await process.out("ready\\n");`,
      (pid) => process.kill(pid, "SIGTERM"),
    );
    assert.notEqual(result.code, 0);
    assert.equal(result.out, "ready\n");
  });

  it("out loses nothing when exit follows it", limit, async () => {
    const result = await run(
      `const { process } = selectPlatform();
      await process.out("x".repeat(1_000_000) + "end");
      await process.err("to the other stream");
      process.exit(3);`,
    );
    assert.deepEqual([result.code, result.out.length], [3, 1_000_003]);
    assert.equal(result.err, "to the other stream");
  });

  it("out survives a reader that went away", limit, async () => {
    const folder = tempFolder();
    const script = writeProgram(
      folder.path,
      "program.ts",
      IMPORT_SELECT + `const { process, clock } = selectPlatform();
      for (let i = 0; i < 200; i++) {
        await process.out("x".repeat(10_000) + "\\n");
        await new Promise((resolve) => clock.after(1, resolve));
      }
      await process.err("went on");
      process.exitCode(5);`,
    );
    const child = start(...runtimeCommand(script));
    child.stdout!.once("data", () => child.stdout!.destroy());
    const result = await finished(child);
    folder.dispose();
    assert.deepEqual([result.code, result.err], [5, "went on"]);
  });

  it(
    "distinguishes a pipe from a terminal, and reports its arguments and its memory",
    limit,
    async () => {
      const result = await run(
        `const { process } = selectPlatform();
      await process.out(JSON.stringify([
        process.terminal(), process.args, process.os, process.residentBytes() > 5e6,
      ]));`,
      );
      assert.deepEqual(JSON.parse(result.out), [null, [], process.platform, true], result.err);
    },
  );
});
