import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { fromLatin1, toLatin1 } from "../../src/util/bytes.ts";
import {
  decodeKrpc,
  encodeError,
  encodeQuery,
  encodeResponse,
  KrpcErrorCode,
  KrpcFormatError,
  type KrpcQuery,
  type KrpcResponse,
  looksLikeKrpc,
  MAX_NODES,
  MAX_SAMPLES,
} from "../../src/dht/krpc.ts";

const T = fromLatin1("aa");
const A = fromLatin1("abcdefghij0123456789");
const M = fromLatin1("mnopqrstuvwxyz123456");
const HEAD = { kind: "query", t: T, id: A, readOnly: false, client: null } as const;

const decodeText = (text: string) => decodeKrpc(fromLatin1(text));

/** The error that decoding must end with. */
function refusal(text: string): KrpcFormatError {
  try {
    decodeText(text);
  } catch (error) {
    assert.ok(error instanceof KrpcFormatError, `${error}`);
    return error;
  }
  assert.fail(`accepted: ${text}`);
}

/** One query of each kind with everything it can have, and its text on the wire. */
const QUERIES: readonly [string, KrpcQuery][] = [
  ["d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", { ...HEAD, method: "ping" }],
  [
    "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
    { ...HEAD, method: "find_node", target: M, want: null },
  ],
  [
    "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa" +
    "1:y1:qe",
    { ...HEAD, method: "get_peers", target: M, want: null, noSeed: false, scrape: false },
  ],
  [
    "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234566:noseedi1e6:scrapei1e" +
    "4:wantl2:n42:n6ee1:q9:get_peers2:roi1e1:t2:aa1:v4:LT011:y1:qe",
    {
      ...HEAD,
      method: "get_peers",
      target: M,
      want: [4, 6],
      noSeed: true,
      scrape: true,
      readOnly: true,
      client: fromLatin1("LT01"),
    },
  ],
  [
    "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz123456" +
    "4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
    {
      ...HEAD,
      method: "announce_peer",
      infoHash: M,
      token: fromLatin1("aoeusnth"),
      port: 6881,
      impliedPort: true,
      seed: false,
    },
  ],
  [
    "d1:ad2:id20:abcdefghij01234567893:seqi7e6:target20:mnopqrstuvwxyz1234564:wantl2:n6ee1:q3:get" +
    "1:t2:aa1:y1:qe",
    { ...HEAD, method: "get", target: M, want: [6], seq: 7n },
  ],
  [
    "d1:ad2:id20:abcdefghij01234567895:token2:xy1:vl1:ai2eee1:q3:put1:t2:aa1:y1:qe",
    {
      ...HEAD,
      method: "put",
      token: fromLatin1("xy"),
      value: fromLatin1("l1:ai2ee"),
      mutable: null,
    },
  ],
  [
    `d1:ad3:casi3e2:id20:abcdefghij01234567891:k32:${"k".repeat(32)}4:salt3:abc` +
    `3:seqi9223372036854775807e3:sig64:${"s".repeat(64)}5:token2:xy1:v1:ze1:q3:put1:t2:aa1:y1:qe`,
    {
      ...HEAD,
      method: "put",
      token: fromLatin1("xy"),
      value: fromLatin1("1:z"),
      mutable: {
        key: new Uint8Array(32).fill(0x6b),
        signature: new Uint8Array(64).fill(0x73),
        seq: 2n ** 63n - 1n,
        salt: fromLatin1("abc"),
        cas: 3n,
      },
    },
  ],
  [
    "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q17:sample_infohashes" +
    "1:t2:aa1:y1:qe",
    { ...HEAD, method: "sample_infohashes", target: M, want: null },
  ],
  [
    "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q6:newest1:t2:aa1:y1:qe",
    { ...HEAD, method: "unknown", name: "newest", target: M, want: null },
  ],
];

describe("KRPC queries (BEP 5, 32, 33, 43, 44, 51)", () => {
  for (const [wire, query] of QUERIES) {
    it(`${query.method} is written and read as ${wire.slice(0, 60)}...`, () => {
      assert.equal(toLatin1(encodeQuery(query)), wire);
      assert.deepEqual(decodeText(wire), query);
    });
  }

  it("decodeKrpc takes keys in any order and keys it does not know", () => {
    const query = decodeText("d1:y1:q1:t2:aa1:q4:ping1:ad1:zi1e2:id20:abcdefghij0123456789ee");
    assert.deepEqual(query, { ...HEAD, method: "ping" });
  });

  it("decodeKrpc owns its bytes: the datagram's buffer may be used again", () => {
    const datagram = fromLatin1(QUERIES[7]![0]);
    const query = decodeKrpc(datagram);
    datagram.fill(0);
    assert.deepEqual(query, QUERIES[7]![1]);
  });

  it("want: unknown words are ignored; without known ones it counts as absent", () => {
    const want = (list: string) => {
      const query = decodeText(
        `d1:ad2:id20:${"i".repeat(20)}6:target20:${"t".repeat(20)}4:want${list}e` +
          "1:q9:find_node1:t1:x1:y1:qe",
      );
      return query.kind === "query" && query.method === "find_node" ? query.want : undefined;
    };
    assert.deepEqual(want("l2:n62:n92:n6e"), [6]);
    assert.equal(want("l2:n9i4ee"), null);
    assert.equal(want("i4e"), null);
  });

  it("announce_peer needs no port when it is implied, else one from 0 to 65535", () => {
    const announce = (rest: string) =>
      `d1:ad2:id20:${"i".repeat(20)}${rest}5:token1:xe1:q13:announce_peer1:t1:x1:y1:qe`;
    const hash = `9:info_hash20:${"h".repeat(20)}`;
    const implied = decodeText(announce(`12:implied_porti1e${hash}`));
    assert.ok(implied.kind === "query" && implied.method === "announce_peer");
    assert.deepEqual([implied.port, implied.impliedPort], [0, true]);
    for (const port of ["", "4:porti65536e", "4:porti-1e", "4:port2:80"]) {
      assert.equal(refusal(announce(hash + port)).code, "bad-port", port);
    }
  });
});

describe("KRPC answers", () => {
  const EMPTY: KrpcResponse = {
    kind: "response",
    t: T,
    id: M,
    client: null,
    ownEndpoint: null,
    nodes: [],
    nodes6: [],
    values: [],
    token: null,
    scrape: null,
    samples: null,
    value: null,
    key: null,
    signature: null,
    seq: null,
  };

  it("a ping's answer is that of BEP 5", () => {
    const wire = "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re";
    assert.equal(toLatin1(encodeResponse({ t: T, id: M })), wire);
    assert.deepEqual(decodeText(wire), EMPTY);
  });

  it("values are peers of both families; BEP 5's own example has two", () => {
    const wire = "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee" +
      "1:t2:aa1:y1:re";
    const values = [
      { address: "97.120.106.101", port: 11893 },
      { address: "105.100.104.116", port: 28269 },
    ];
    const token = fromLatin1("aoeusnth");
    assert.deepEqual(decodeText(wire), { ...EMPTY, id: A, values, token });
    assert.equal(toLatin1(encodeResponse({ t: T, id: A, values, token })), wire);
    const both = [...values, { address: "2001:db8::1", port: 6881 }];
    const decoded = decodeKrpc(encodeResponse({ t: T, id: A, values: both }));
    assert.deepEqual(decoded, { ...EMPTY, id: A, values: both });
  });

  it("nodes that are no whole entry are ignored: BEP 5's example has nine bytes of them", () => {
    const wire = "d1:rd2:id20:0123456789abcdefghij5:nodes9:def456...e1:t2:aa1:y1:re";
    assert.deepEqual(decodeText(wire), { ...EMPTY, id: fromLatin1("0123456789abcdefghij") });
  });

  it("every field is written and read back", () => {
    const full: KrpcResponse = {
      ...EMPTY,
      client: fromLatin1("SH01"),
      ownEndpoint: { address: "2001:db8::7", port: 2 },
      nodes: [{ id: A, address: "192.0.2.1", port: 6881 }],
      nodes6: [{ id: M, address: "2001:db8::1", port: 65535 }],
      values: [{ address: "192.0.2.3", port: 3 }],
      token: fromLatin1("tok"),
      scrape: { seeds: new Uint8Array(256).fill(1), peers: new Uint8Array(256).fill(2) },
      samples: { infoHashes: [A, M], total: 1234, interval: 21600 },
      value: fromLatin1("d1:ai1ee"),
      key: new Uint8Array(32).fill(3),
      signature: new Uint8Array(64).fill(4),
      seq: 2n ** 62n,
    };
    const wire = encodeResponse(full);
    assert.deepEqual(decodeKrpc(wire), full);
    // Strict readers refuse unsorted keys: ours must be in order at every level.
    assert.match(
      toLatin1(wire),
      /^d2:ip.*1:rd4:BFpe.*4:BFsd.*2:id.*8:interval.*1:k3.*5:nodes2.*6:nodes6.*3:num.*7:samples.*3:seq.*3:sig.*5:token.*1:v.*6:values.*1:t.*1:v.*1:y1:re$/s,
    );
  });

  it("nodes and nodes6 are written when empty, so that an answer to a lookup has them", () => {
    assert.equal(
      toLatin1(encodeResponse({ t: T, id: M, nodes: [], nodes6: [] })),
      "d1:rd2:id20:mnopqrstuvwxyz1234565:nodes0:6:nodes60:e1:t2:aa1:y1:re",
    );
  });

  /** An answer with one more field, as text. */
  const answer = (field: string) =>
    decodeText(`d1:rd2:id20:mnopqrstuvwxyz123456${field}e1:t2:aa1:y1:re`) as KrpcResponse;
  const list = (key: string, entries: string) => `${key}${entries.length}:${entries}`;
  const node = (endpoint: string) => `abcdefghij0123456789${endpoint}`;

  it("nodes and samples beyond the bounds are left out", () => {
    const nodes = node("\x0a\x00\x00\x01\x1a\xe1").repeat(MAX_NODES + 5);
    assert.equal(answer(list("5:nodes", nodes)).nodes.length, MAX_NODES);
    const many = answer(list("7:samples", "s".repeat(20 * 98 - 60))).samples!;
    assert.equal(many.infoHashes.length, 95);
    assert.ok(many.infoHashes.length <= MAX_SAMPLES);
  });

  it("unreachable nodes are left out: no address, multicast, no port, mapped IPv4", () => {
    const nodes = [
      "\x00\x00\x00\x00\x1a\xe1",
      "\xe0\x00\x00\x01\x1a\xe1",
      "\x0a\x00\x00\x01\x00\x00",
      "\x0a\x00\x00\x09\x1a\xe1",
    ].map(node).join("");
    assert.deepEqual(answer(list("5:nodes", nodes)).nodes, [
      { id: A, address: "10.0.0.9", port: 6881 },
    ]);
    const mapped = node("\0".repeat(10) + "\xff\xff\x0a\x00\x00\x01\x1a\xe1");
    assert.deepEqual(answer(list("6:nodes6", mapped)).nodes6, []);
  });

  it("values of other lengths and types are left out", () => {
    assert.deepEqual(answer("6:valuesl5:abcdei7e6:axje.u3:xyze").values, [
      { address: "97.120.106.101", port: 11893 },
    ]);
  });

  it("the numbers of samples are clamped", () => {
    const samples = (numbers: string) => answer(`${numbers}7:samples20:${"s".repeat(20)}`).samples;
    const low = samples("8:intervali-1e3:numi-5e");
    assert.deepEqual([low?.interval, low?.total], [0, 1]);
    const high = samples("8:intervali21601e3:numi77e");
    assert.deepEqual([high?.interval, high?.total], [21600, 77]);
  });

  it("a filter or an end point of another length counts as absent", () => {
    assert.equal(answer("4:BFpe2:xx4:BFsd2:xx").scrape, null);
    const message = decodeText("d2:ip5:abcde1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re");
    assert.deepEqual(message, EMPTY);
  });

  it("encodeResponse refuses more than 2048 bytes and nodes of the wrong family", () => {
    const value = new Uint8Array(2000).fill(0x30);
    assert.throws(() => encodeResponse({ t: T, id: M, value }), RangeError);
    const samples = { infoHashes: Array(99).fill(A), total: 99, interval: 0 };
    assert.throws(() => encodeResponse({ t: T, id: M, samples, client: T }), RangeError);
    const nodes = [{ id: A, address: "::1", port: 1 }];
    assert.throws(() => encodeResponse({ t: T, id: M, nodes }), RangeError);
    assert.equal(encodeResponse({ t: T, id: M }).length, 47, "and goes on working");
  });
});

describe("KRPC errors", () => {
  it("are written and read as in BEP 5", () => {
    const wire = "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee";
    const error = { t: T, code: KrpcErrorCode.generic, message: "A Generic Error Ocurred" };
    assert.equal(toLatin1(encodeError(error)), wire);
    assert.deepEqual(decodeText(wire), {
      kind: "error",
      ...error,
      client: null,
      ownEndpoint: null,
    });
  });

  it("carry the asker's endpoint and the client", () => {
    const wire = encodeError({
      t: T,
      code: 203,
      message: "no",
      client: fromLatin1("SH01"),
      ownEndpoint: { address: "192.0.2.1", port: 0x3132 },
    });
    assert.equal(
      toLatin1(wire),
      "d1:eli203e2:noe2:ip6:\xc0\x00\x02\x01121:t2:aa1:v4:SH011:y1:ee",
    );
    const error = decodeKrpc(wire);
    assert.ok(error.kind === "error");
    assert.deepEqual(error.ownEndpoint, { address: "192.0.2.1", port: 0x3132 });
  });

  it("lose control characters and excess length, because they may be shown on a terminal", () => {
    const error = decodeText("d1:eli1e6:a\x1b[2J\xffe1:t1:x1:y1:ee");
    assert.equal(error.kind === "error" && error.message, "a?[2J?");
    const long = decodeText(`d1:eli1e999:${"m".repeat(999)}e1:t1:x1:y1:ee`);
    assert.equal(long.kind === "error" && long.message.length, 200);
    const bare = decodeText("d1:eli1ee1:t1:x1:y1:ee");
    assert.equal(bare.kind === "error" && bare.message, "");
  });
});

describe("decodeKrpc refuses", () => {
  const ID = `2:id20:${"i".repeat(20)}`;
  const put = (rest: string) => `d1:ad${ID}${rest}e1:q3:put1:t1:x1:y1:qe`;

  for (
    const [what, wire, code] of [
      ["an empty datagram", "", "truncated"],
      ["what is no dictionary", "li1ee", "bad-message"],
      ["over 2048 bytes", "d1:x2100:" + "x".repeat(2100) + "e", "too-large"],
      ["deep nesting", "l".repeat(17) + "e".repeat(17), "too-deep"],
      ["too many values", "l" + "0:".repeat(1021) + "e", "too-many-tokens"],
      ["a length beyond the data", "d1:ad2:id99999:", "truncated"],
      ["a message behind the message", "d1:t1:x1:y1:xed1:t1:x1:y1:xe", "trailing-data"],
      ["no transaction id", `d1:ad${ID}e1:q4:ping1:y1:qe`, "bad-transaction"],
      ["an empty transaction id", `d1:ad${ID}e1:q4:ping1:t0:1:y1:qe`, "bad-transaction"],
      ["a transaction id of 65 bytes", `d1:t65:${"t".repeat(65)}1:y1:qe`, "bad-transaction"],
      ["a number as transaction id", `d1:ti7e1:y1:qe`, "bad-transaction"],
      ["another kind", "d1:t1:x1:y1:ze", "bad-type"],
      ["a response without a body", "d1:t1:x1:y1:re", "no-response"],
      ["a response without an id", "d1:rde1:t1:x1:y1:re", "missing"],
      ["a response with a short id", "d1:rd2:id3:abce1:t1:x1:y1:re", "bad-length"],
      ["a response with a short key", `d1:rd${ID}1:k3:abce1:t1:x1:y1:re`, "bad-length"],
      ["a token of 129 bytes", `d1:rd${ID}5:token129:${"t".repeat(129)}e1:t1:x1:y1:re`, null],
      ["an error without a list", "d1:t1:x1:y1:ee", "bad-error"],
      ["an error whose code is text", "d1:el1:x1:ye1:t1:x1:y1:ee", "bad-error"],
    ] as const
  ) {
    it(what, () => {
      const error = refusal(wire);
      if (code !== null) assert.equal(error.code, code);
      assert.equal(error.t, null, "nobody is answered");
    });
  }

  for (
    const [what, wire, code] of [
      ["no arguments", "d1:q4:ping1:t1:x1:y1:qe", "no-arguments"],
      ["no method", `d1:ad${ID}e1:t1:x1:y1:qe`, "no-method"],
      ["no id", "d1:ade1:q4:ping1:t1:x1:y1:qe", "missing"],
      ["an id of 21 bytes", `d1:ad2:id21:${"i".repeat(21)}e1:q4:ping1:t1:x1:y1:qe`, "bad-length"],
      ["no target", `d1:ad${ID}e1:q9:find_node1:t1:x1:y1:qe`, "missing"],
      ["a number as info-hash", `d1:ad${ID}9:info_hashi1ee1:q9:get_peers1:t1:x1:y1:qe`, null],
      ["a put without a value", put("5:token1:x"), "no-value"],
      ["a put without a token", put("1:v1:x"), "bad-token-field"],
      ["a put with half of a signature", put("3:seqi1e5:token1:x1:v1:x"), "missing"],
      [
        "a negative sequence number",
        put(`1:k32:${"k".repeat(32)}3:seqi-1e3:sig64:${"s".repeat(64)}5:token1:x1:v1:x`),
        "bad-sequence",
      ],
      [
        "a sequence number of 2^63",
        put(
          `1:k32:${"k".repeat(32)}3:seqi9223372036854775808e3:sig64:${
            "s".repeat(64)
          }5:token1:x1:v1:x`,
        ),
        "bad-sequence",
      ],
    ] as const
  ) {
    it(`a query with ${what}, with the transaction id for the answer`, () => {
      const error = refusal(wire);
      if (code !== null) assert.equal(error.code, code);
      assert.deepEqual(error.t, fromLatin1("x"));
    });
  }

  it("looksLikeKrpc distinguishes the DHT from trackers and uTP by the first and the last byte", () => {
    assert.equal(looksLikeKrpc(fromLatin1(QUERIES[0]![0])), true);
    assert.equal(looksLikeKrpc(fromLatin1("de")), false);
    assert.equal(looksLikeKrpc(new Uint8Array(20)), false);
  });
});
