import assert from "node:assert/strict";
import type { MulticastSocket } from "../../../src/platform/types.ts";
import { type AddCase, bytesOf, rejectsWith, sleep, text, type UnderTest } from "./subject.ts";

/** Not BEP 14's port: real clients may be listening there. */
const GROUPS = [
  { address: "239.192.152.143", port: 16771 },
  { address: "ff15::efc0:988f", port: 16771 },
];

/** Runs `body` for the families in which this machine can do multicast; one at least. */
async function eachFamily(
  t: UnderTest,
  body: (
    join: (where: UnderTest["here"], on: (text: string) => void) => Promise<MulticastSocket>,
  ) => Promise<void>,
): Promise<void> {
  let done = 0;
  for (const group of GROUPS) {
    const open: MulticastSocket[] = [];
    try {
      open.push(await t.here.multicast.join(group, () => {}));
    } catch {
      continue;
    }
    done++;
    await body(async (where, on) => {
      const socket = await where.multicast.join(group, (bytes) => on(text(bytes)));
      open.push(socket);
      return socket;
    });
    for (const socket of open) {
      socket.close();
      socket.close();
      socket.send(bytesOf("too late"));
    }
  }
  assert.ok(done > 0, "multicast works in one family at least");
}

export function multicastCases(add: AddCase): void {
  add("a multicast group carries messages to all its members, the sender too", async (t) => {
    await eachFamily(t, async (join) => {
      const heard = { here: new Set<string>(), there: new Set<string>() };
      const here = await join(t.here, (text) => heard.here.add(text));
      await join(t.there, (text) => heard.there.add(text));
      for (let i = 0; i < 50 && heard.there.size === 0; i++) {
        here.send(bytesOf("hello"));
        await sleep(t.here, 20);
      }
      assert.deepEqual([...heard.there], ["hello"]);
      assert.deepEqual([...heard.here], ["hello"]);
    });
  });

  add("exceptions of a multicast handler are counted and end nothing", async (t) => {
    await eachFamily(t, async (join) => {
      let heard = 0;
      const here = await join(t.here, () => {
        heard++;
        throw new Error("a bug in the handler");
      });
      for (let i = 0; i < 50 && heard < 2; i++) {
        here.send(bytesOf("x"));
        await sleep(t.here, 20);
      }
      assert.ok(heard >= 2 && here.errors >= heard, `${here.errors} for ${heard}`);
      assert.ok(here.lastError instanceof Error);
    });
  });

  add("multicast.join rejects what is no group with a NetError", async (t) => {
    await rejectsWith(
      t.here.multicast.join({ address: "1.2.3.4", port: 16772 }, () => {}),
      "unreachable",
    );
  });
}
