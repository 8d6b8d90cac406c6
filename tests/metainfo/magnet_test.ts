import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import { fromHex, fromLatin1, toHex, toLatin1 } from "../../src/util/bytes.ts";
import { MagnetError } from "../../src/util/errors.ts";
import {
  formatMagnet,
  isMagnetLink,
  looksLikeMagnet,
  type Magnet,
  parseMagnet,
  selectedIndices,
} from "../../src/metainfo/magnet.ts";
import { readVectors, skip } from "../conformance/reference.ts";
import { mutate } from "../harness/mutate.ts";

const HASH = "c9e15763f722f23e98a29decdfae341b98d53056";
const V2 = "ab".repeat(32);
const LINK = `magnet:?xt=urn:btih:${HASH}`;

function refusal(text: string): string | undefined {
  try {
    parseMagnet(text);
  } catch (error) {
    assert.ok(error instanceof MagnetError, `${error}`);
    assert.ok(error.message.length > 20);
    return error.code;
  }
  return undefined;
}

describe("parseMagnet: which torrent", () => {
  it("reads hexadecimal and base32 hashes, in a link and bare, in any case", () => {
    const base32 = "ZHQVOY7XELZD5GFCTXWN7LRUDOMNKMCW";
    for (const text of [HASH, HASH.toUpperCase(), base32, base32.toLowerCase()]) {
      for (const whole of [text, `magnet:?xt=urn:btih:${text}`, `MAGNET:?XT=URN:BTIH:${text}`]) {
        assert.equal(toHex(parseMagnet(whole).infoHash), HASH, whole);
        assert.ok(looksLikeMagnet(whole));
      }
    }
  });

  it("keeps both hashes of a hybrid, in either order", () => {
    for (const xt of [[`btih:${HASH}`, `btmh:1220${V2}`], [`btmh:1220${V2}`, `btih:${HASH}`]]) {
      const magnet = parseMagnet(`magnet:?xt=urn:${xt[0]}&xt.1=urn:${xt[1]}`);
      assert.equal(toHex(magnet.infoHash), HASH);
      assert.equal(toHex(magnet.infoHashV2!), V2);
    }
  });

  it("explains why a link cannot be used", () => {
    const other = HASH.replace("c", "d");
    const wrong: [string, string][] = [
      ["", "not-a-magnet"],
      ["http://example.com/a.torrent", "not-a-magnet"],
      ["magnet:", "not-a-magnet"],
      [HASH.slice(1), "not-a-magnet"],
      ["magnet:?", "no-hash"],
      ["magnet:?dn=x", "no-hash"],
      ["magnet:?xt=urn:sha1:ZHQVOY7XELZD5GFCTXWN7LRUDOMNKMCW", "no-hash"],
      [LINK.slice(0, -1), "bad-hash"],
      [`${LINK}0`, "bad-hash"],
      [`${LINK}&xt=urn:btmh:1220${V2.slice(1)}`, "bad-hash"],
      [`${LINK}&xt=urn:btmh:1114${HASH}`, "bad-hash"],
      [`${LINK}&xt=urn:btih:${other}`, "two-torrents"],
      [`magnet:?xt=urn:btmh:1220${V2}`, "v2-only"],
      [`${LINK}&dn=${"x".repeat(70_000)}`, "too-long"],
    ];
    for (const [text, code] of wrong) assert.equal(refusal(text), code, text.slice(0, 80));
    assert.equal(refusal(`${LINK}&xt=urn:btih:${HASH}&xt=urn:ed2k:x`), undefined);
  });
});

describe("parseMagnet: the other parameters", () => {
  it("reads names, trackers, seeds, peers, nodes and files", () => {
    const magnet = parseMagnet(
      `${LINK}&dn=A+b%2Bc&tr=http%3A%2F%2Ft.example%2Fannounce%3Fa%2Bb%26c&tr.1=udp://u.example:1` +
        "&tr.2=udp://u.example:1&ws=https://w.example/x&x.pe=1.2.3.4:80&x.pe=%5B::1%5D:99" +
        "&x.pe=Host.example:7000&dht=router.example:6881&so=0,2,4,6-8",
    );
    assert.equal(magnet.name, "A b+c");
    assert.deepEqual(magnet.trackers, ["http://t.example/announce?a+b&c", "udp://u.example:1"]);
    assert.deepEqual(magnet.webSeeds, ["https://w.example/x"]);
    assert.deepEqual(magnet.peers, [
      { host: "1.2.3.4", port: 80 },
      { host: "::1", port: 99 },
      { host: "host.example", port: 7000 },
    ]);
    assert.deepEqual(magnet.nodes, [{ host: "router.example", port: 6881 }]);
    assert.deepEqual(selectedIndices(magnet.selectOnly!, 100), [0, 2, 4, 6, 7, 8]);
  });

  it("leaves out unusable parameters", () => {
    const magnet = parseMagnet(
      `${LINK}&dn=..%2F&tr=&tr=%ff&tr=a%0ab&tr=%zz&ws=file:///etc&ws=x&x.pe=1.2.3.4&x.pe=:1` +
        "&x.pe=224.0.0.1:80&x.pe=1.2.3.4:0&x.pe=1.2.3.4:70000&x.pe=<a>:80&x.pe=1.2.3:80" +
        "&dht=a%20b:1&so=a,-1,3-,5-2,1.5,99999999,2097153&&=&x&=y",
    );
    const { warnings, ...rest } = magnet;
    assert.deepEqual({ ...rest, warnings: [] }, parseMagnet(LINK));
    assert.equal(warnings.length, 21);
    assert.deepEqual(warnings.slice(0, 2), [
      `The link's parameter "tr" "%ff" cannot be used and is left out`,
      `The link's tracker "a\nb" cannot be used and is left out`,
    ]);
    assert.equal(warnings.at(-1), "More of the link could not be used");
  });

  it("makes a name safe", () => {
    assert.equal(
      parseMagnet(`${LINK}&dn=..%2F..%2Fetc%2Fpasswd%00%E2%80%AE`).name,
      "....etcpasswd",
    );
    assert.equal(parseMagnet(`${LINK}&dn=first&dn=second`).name, "first");
  });

  it("merges the chosen files and bounds their indices by the torrent", () => {
    const { selectOnly } = parseMagnet(`${LINK}&so=5-9,0-2&so=3,8-9999999,1`);
    assert.deepEqual(selectOnly, [{ first: 0, last: 3 }, { first: 5, last: 2 ** 21 }]);
    assert.deepEqual(selectedIndices(selectOnly!, 7), [0, 1, 2, 3, 5, 6]);
    assert.deepEqual(selectedIndices(selectOnly!, 0), []);
  });

  it("bounds how many of each it takes", () => {
    const many = (make: (i: number) => string) => Array.from({ length: 400 }, (_, i) => make(i));
    const magnet = parseMagnet([
      LINK,
      ...many((i) => `tr=http://t${i}`),
      ...many((i) => `ws=http://w${i}`),
      ...many((i) => `x.pe=1.2.3.4:${i + 2}`),
      ...many((i) => `dht=n:${i + 2}`),
      `so=${Array.from({ length: 3000 }, (_, i) => 2 * i).join(",")}`,
    ].join("&"));
    const { trackers, webSeeds, peers, nodes } = magnet;
    for (const list of [trackers, webSeeds, peers, nodes]) assert.equal(list.length, 100);
    assert.equal(magnet.selectOnly!.length, 1000);
    const long = `${LINK}&tr=http://${"x".repeat(2048)}`;
    assert.deepEqual(parseMagnet(long).trackers, []);
  });
});

describe("parseMagnet: links as web pages and people write them", () => {
  const tracker = "http://tracker.example.org:6969/announce", other = "udp://t2.example.org:80";
  const e = encodeURIComponent;
  const same: Record<string, string> = {
    "HTML entities": `${LINK}&amp;dn=Movie&amp;tr=${e(tracker)}`,
    "HTML entities by number": `${LINK}&#38;dn=Movie&#x26;tr=${e(tracker)}`,
    "HTML entities twice": `${LINK}&amp;amp;dn=Movie&amp;#38;tr=${e(tracker)}`,
    "a tracker escaped twice": `${LINK}&dn=Movie&tr=${e(e(tracker))}`,
    "a tracker escaped three times": `${LINK}&dn=Movie&tr=${e(e(e(tracker)))}`,
    "blanks around values": `${LINK}%20&dn=%20Movie%0A&tr=%20${e(tracker)}%0A`,
    "blanks around names": `${LINK}& dn=Movie& tr =${e(tracker)}`,
    "a blank before the hash": `magnet:?xt=urn:btih:%20${HASH}%20&dn=Movie&tr=${e(tracker)}`,
    "a slash behind the hash": `${LINK}/&dn=Movie&tr=${e(tracker)}`,
    "the whole link escaped": e(`${LINK}&dn=Movie&tr=${tracker}`),
    "the whole link escaped, its tracker twice": e(`${LINK}&dn=Movie&tr=${e(tracker)}`),
    "the whole link escaped twice": e(e(`${LINK}&dn=Movie&tr=${e(tracker)}`)),
    "only what follows the question mark escaped": `magnet:?${
      e(`xt=urn:btih:${HASH}&dn=Movie&tr=${e(tracker)}`)
    }`,
    "the topic escaped": `magnet:?xt=urn%3Abtih%3A${HASH}&dn=Movie&tr=${e(tracker)}`,
    "the topic escaped twice": `magnet:?xt=urn%253Abtih%253A${HASH}&dn=Movie&tr=${e(tracker)}`,
    "blanks around the link": `  ${LINK}&dn=Movie&tr=${e(tracker)} \n`,
    "quotes around the link": `"${LINK}&dn=Movie&tr=${e(tracker)}"`,
    "angle brackets around the link": `<${LINK}&dn=Movie&tr=${e(tracker)}>`,
    "line ends in the link": `${LINK}\r\n  &dn=Movie\n&tr=${e(tracker)}`,
    "upper case": `MAGNET:?XT=URN:BTIH:${HASH.toUpperCase()}&DN=Movie&TR=${e(tracker)}`,
    "slashes": `magnet://?xt=urn:btih:${HASH}&dn=Movie&tr=${e(tracker)}`,
    "numbers": `magnet:?xt.1=urn:btih:${HASH}&dn=Movie&tr.1=${tracker}`,
    "parameters of other programs": `${LINK}&dn=Movie&xl=1&kt=a+b&as=http://x/&tr=${e(tracker)}`,
  };
  for (const [what, text] of Object.entries(same)) {
    it(`reads a link with ${what}`, () => {
      const { infoHash, name, trackers, warnings } = parseMagnet(text);
      assert.deepEqual([toHex(infoHash), name], [HASH, "Movie"]);
      assert.deepEqual(trackers, [tracker]);
      assert.deepEqual(warnings, []);
      assert.ok(looksLikeMagnet(text) && isMagnetLink(text));
    });
  }

  it("reads several trackers in one parameter", () => {
    for (const between of [",", " ", ", ", "\n"]) {
      const { trackers, warnings } = parseMagnet(`${LINK}&tr=${e(tracker + between + other)}`);
      assert.deepEqual(trackers, [tracker, other]);
      assert.deepEqual(warnings, []);
    }
  });

  it("reads an info-hash with blanks around it, or as a URN", () => {
    for (const text of [` ${HASH}\n`, `"${HASH}"`, `urn:btih:${HASH}`]) {
      assert.equal(toHex(parseMagnet(text).infoHash), HASH, text);
      assert.ok(looksLikeMagnet(text));
    }
    assert.equal(isMagnetLink(HASH), false, "a file may be called so");
  });

  it("keeps an unescaped tracker with a percent sign in it", () => {
    const odd = "http://t.example.org/announce?k=50%";
    assert.deepEqual(parseMagnet(`${LINK}&tr=${odd}`).trackers, [odd]);
  });

  it("names each unusable tracker and parameter", () => {
    const page = "<!DOCTYPE html><html><title>Just a moment...</title></html>";
    const { trackers, warnings } = parseMagnet(
      `${LINK}&tr=${e(page)}&tr=313131...&tr=http://b.example/ann?uk=1&x=2&cut&x.pe=nowhere`,
    );
    assert.deepEqual(trackers, ["http://b.example/ann?uk=1"]);
    assert.deepEqual(
      warnings,
      [
        `The link's tracker "${page}"`,
        `The link's tracker "313131..."`,
        `The link's parameter "x" "2"`,
        `The link's parameter "cut"`,
        `The link's peer "nowhere"`,
      ].map((what) => `${what} cannot be used and is left out`),
    );
  });
});

describe("formatMagnet", () => {
  it("is undone by parseMagnet, whatever a name or URL contains", () => {
    const dice = new Prng("links"), odd = "&=%+#?;,/:'\"<> ampé\u{1f600}";
    const word = () =>
      Array.from({ length: 1 + dice.below(12) }, () => [...odd][dice.below([...odd].length)]).join(
        "",
      );
    for (let i = 0; i < 5000; i++) {
      const text = () => word().replace(/\s/g, "");
      const magnet = parseMagnet(formatMagnet({
        infoHash: dice.fill(new Uint8Array(20)),
        name: word(),
        trackers: [`http://t.example/${text()}`, `udp://u.example:1/${text()}`],
        webSeeds: [`https://w.example/${text()}`],
        peers: [{ host: "::1", port: 2 + dice.below(60_000) }],
        selectOnly: [{ first: dice.below(9), last: 9 + dice.below(9) }],
      }));
      assert.deepEqual(magnet.warnings, []);
      assert.equal(magnet.trackers.length, 2);
      assert.deepEqual(parseMagnet(formatMagnet(magnet)), magnet);
    }
  });

  it("writes a link that is read back", () => {
    const magnet: Magnet = {
      infoHash: fromHex(HASH),
      infoHashV2: fromHex(V2),
      name: "a & b=c + d#é",
      trackers: ["http://t.example/a?b=c&d=e+f", "udp://[::1]:80"],
      webSeeds: ["http://w.example/%20"],
      peers: [{ host: "::1", port: 6881 }, { host: "h.example", port: 2 }],
      nodes: [{ host: "1.2.3.4", port: 3 }],
      selectOnly: [{ first: 0, last: 1 }, { first: 4, last: 9 }, { first: 11, last: 11 }],
      warnings: [],
    };
    const link = formatMagnet(magnet);
    assert.ok(link.endsWith("&so=0,1,4-9,11"), link);
    assert.deepEqual(parseMagnet(link), magnet);
    assert.equal(formatMagnet({ infoHash: fromHex(HASH) }), LINK);
  });
});

describe("magnet vectors of ../shared/reference", { skip }, () => {
  interface ParseVector {
    uri: string | null;
    uri_hex: string | null;
    ok: boolean | null;
    v1?: string | null;
    v2?: string;
    name?: string;
    trackers?: string[];
    trackers_unique?: string[];
    url_seeds?: string[];
    peers?: [string, number][];
    dht_nodes?: [string, number][];
    select_only?: number[];
  }

  it("magnet_parse.json", { skip }, () => {
    for (const vector of readVectors<ParseVector>("magnet_parse.json")) {
      const text = vector.uri ?? toLatin1(fromHex(vector.uri_hex!));
      if (vector.ok === null || !vector.ok) {
        if (text.endsWith("\n")) continue; // what surrounds a pasted link does not matter to us
        assert.notEqual(refusal(text), undefined, text);
        continue;
      }
      if (vector.v1 === null) {
        assert.equal(refusal(text), "v2-only");
        continue;
      }
      const magnet = parseMagnet(text);
      const check = (found: unknown, expected: unknown) => {
        if (expected !== undefined) assert.deepEqual(found, expected, text);
      };
      const pairs = (list: Magnet["peers"]) => list.map(({ host, port }) => [host, port]);
      check(toHex(magnet.infoHash), vector.v1);
      check(magnet.name, vector.name);
      check(magnet.trackers, vector.trackers ?? vector.trackers_unique);
      check(magnet.webSeeds, vector.url_seeds);
      check(pairs(magnet.peers), vector.peers);
      check(pairs(magnet.nodes), vector.dht_nodes);
      if (vector.select_only === undefined) continue;
      const chosen = vector.select_only.flatMap((on, i) => on === 1 ? [i] : []);
      assert.deepEqual(selectedIndices(magnet.selectOnly ?? [], 1000), chosen, text);
    }
  });

  it("magnet_make.json, but for links of v2 alone", { skip }, () => {
    interface MakeVector {
      v1?: string;
      file_priorities?: number[];
      peers?: [string, number][];
      dht_nodes?: [string, number][];
      uri: string;
    }
    const hosts = (pairs: [string, number][] = []) => pairs.map(([host, port]) => ({ host, port }));
    let made = 0;
    for (const vector of readVectors<MakeVector>("magnet_make.json")) {
      if (vector.v1 === undefined) continue;
      made++;
      const priorities = vector.file_priorities ?? [];
      const chosen = priorities.includes(0)
        ? priorities.flatMap((on, i) => on > 0 ? [{ first: i, last: i }] : [])
        : null;
      const link = formatMagnet({
        infoHash: fromHex(vector.v1),
        peers: hosts(vector.peers),
        nodes: hosts(vector.dht_nodes),
        selectOnly: chosen,
      });
      assert.equal(link, vector.uri);
    }
    assert.ok(made >= 6);
  });
});

describe("parseMagnet: damaged links", () => {
  it("throws only MagnetErrors, and keeps its bounds, over 30,000 of them", () => {
    const dice = new Prng("magnets");
    const good = fromLatin1(
      `${LINK}&xt=urn:btmh:1220${V2}&dn=a%20b&tr=udp://u:1&ws=http://w/&x.pe=[::1]:45&so=0,2-9`,
    );
    let refused = 0;
    for (let i = 0; i < 30_000; i++) {
      const text = toLatin1(mutate(good, dice));
      if (refusal(text) !== undefined) {
        refused++;
        continue;
      }
      const magnet = parseMagnet(text);
      assert.equal(magnet.infoHash.length, 20);
      assert.deepEqual(parseMagnet(formatMagnet(magnet)), { ...magnet, warnings: [] }, text);
    }
    assert.ok(refused > 3000 && refused < 29_000, `${refused}`);
  });
});
