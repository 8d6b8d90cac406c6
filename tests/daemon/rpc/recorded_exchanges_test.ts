/**
 * What real clients said to Transmission 3.00, said to us: every answer has the same result, the same
 * fields and the same types. recorded_exchanges.jsonl has the requests, and the types of the answers.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import { RpcSession, torrentText } from "./rpc_session.ts";

/** The machine compiles it once, in real time, for which a simulated world does not wait. */
before(() => createCrc32c());

type Shape = string | Shape[] | { [name: string]: Shape };

interface Exchange {
  client: string;
  request: { method: string; arguments?: Record<string, unknown>; tag?: number };
  answer: { result: string; arguments: { [name: string]: Shape }; tag?: number; hash?: string };
}

const EXCHANGES: Exchange[] = readFileSync(
  new URL("./recorded_exchanges.jsonl", import.meta.url),
  "utf8",
).trim().split("\n").map((line) => JSON.parse(line));

const MULTI = { "a.bin": 700_000, "sub/b.bin": 200_000, "sub/c.txt": 50 };
const SINGLE_TEXT = torrentText("single.bin"), MULTI_TEXT = torrentText("multi", MULTI);

/** Fields of torrent-get that we leave out; 3.00 answers 0 for those that it does not know. */
const LEFT_OUT = new Set([
  "torrentFile",
  "announceUrl",
  "fileCount",
  "primary-mime-type",
  "source",
]);
/** Results with another text than that of 3.00. */
const OTHER_TEXTS: Readonly<Record<string, RegExp>> = {
  "gotMetadataFromURL: http error 0: No Response": /^Couldn't fetch torrent: /,
  "gotNewBlocklist: http error 0: No Response": /^blocklists are not supported$/,
};

function checkShape(value: unknown, shape: Shape, path: string): void {
  if (typeof shape === "string") {
    const isRight = {
      text: typeof value === "string",
      switch: typeof value === "boolean",
      whole: Number.isInteger(value),
      number: Number.isFinite(value),
    }[shape];
    return assert.ok(isRight, `${path} is ${JSON.stringify(value)}, not a ${shape}`);
  }
  if (Array.isArray(shape)) {
    assert.ok(Array.isArray(value), `${path} is no list`);
    const [each] = shape;
    if (each !== undefined) value.forEach((one, at) => checkShape(one, each, `${path}[${at}]`));
    return;
  }
  assert.ok(typeof value === "object" && value !== null, `${path} is no object`);
  for (const [name, part] of Object.entries(shape)) {
    if (LEFT_OUT.has(name)) continue;
    checkShape((value as Record<string, unknown>)[name], part, `${path}.${name}`);
  }
}

async function replay(exchanges: readonly Exchange[]): Promise<void> {
  const session = await RpcSession.open(1, { roots: ["/"] });
  const names = new Map([["$W", "/data"], ["<base64 2756 chars>", SINGLE_TEXT], [
    "<base64 1196 chars>",
    MULTI_TEXT,
  ]]);
  if (
    exchanges[0]!.request.method !== "torrent-add" && !exchanges[0]!.client.includes("remote 3")
  ) {
    for (const metainfo of [SINGLE_TEXT, MULTI_TEXT]) {
      await session.call("torrent-add", { metainfo });
    }
  }
  for (const { request, answer } of exchanges) {
    let text = JSON.stringify(request);
    for (const [from, to] of names) text = text.replaceAll(from, to);
    const { status, body } = await session.send(text);
    const what = JSON.stringify(request).slice(0, 120);
    assert.equal(status, 200, what);
    const other = OTHER_TEXTS[answer.result];
    if (other === undefined) assert.equal(body.result, answer.result, what);
    else assert.match(body.result, other, what);
    assert.equal(body.tag, answer.tag, what);
    checkShape(body.arguments, answer.arguments, what);
    const added = body.arguments["torrent-added"]?.hashString;
    if (answer.hash !== undefined) {
      names.set(answer.hash, added);
      names.set(answer.hash.toUpperCase(), added.toUpperCase());
    }
    await session.world.runFor(1000);
  }
  await session.close();
}

describe("recorded exchanges", () => {
  for (const client of new Set(EXCHANGES.map((exchange) => exchange.client))) {
    it(`of ${client} have the same results, fields and types`, async () => {
      await replay(EXCHANGES.filter((exchange) => exchange.client === client));
    });
  }
});
