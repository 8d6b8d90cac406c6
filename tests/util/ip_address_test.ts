import { describe, it } from "node:test";
import assert from "node:assert/strict";
import {
  canonicalIp,
  formatIp,
  isDialable,
  isLoopback,
  parseIp,
} from "../../src/util/ip_address.ts";
import { toHex } from "../../src/util/bytes.ts";

describe("canonicalIp", () => {
  const same: [string, string][] = [
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["::FFFF:c000:207", "192.0.2.7"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:0db8::0001", "2001:db8::1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ];
  for (const [text, canonical] of same) {
    it(`writes ${text} as ${canonical}`, () => assert.equal(canonicalIp(text), canonical));
  }

  const refused = [
    "",
    "example.org",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4 ",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "12345::",
    "g::",
    "1.2.3.4::",
    "::1.2.3",
    "fe80::1%eth0",
    "[::1]",
    "0".repeat(100) + "::1",
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}`, () => assert.equal(parseIp(text), null));
  }
});

describe("formatIp", () => {
  it("is undone by parseIp for every place of a zero run", () => {
    for (let mask = 0; mask < 256; mask++) {
      const bytes = new Uint8Array(16);
      for (let group = 0; group < 8; group++) bytes[2 * group] = (mask >> group) & 1 ? 0x2a : 0;
      assert.equal(toHex(parseIp(formatIp(bytes))!), toHex(bytes));
    }
  });

  it("throws a RangeError on another number of bytes", () => {
    assert.throws(() => formatIp(new Uint8Array(5)), RangeError);
  });
});

describe("isDialable and isLoopback", () => {
  it("refuse unspecified, multicast, broadcast and IPv6 link-local addresses", () => {
    for (
      const text of [
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "ff02::1",
        "fe80::1",
      ]
    ) assert.equal(isDialable(parseIp(text)!), false, text);
    for (const text of ["127.0.0.1", "10.0.0.1", "192.0.2.1", "::1", "fd00::1", "2001:db8::"]) {
      assert.equal(isDialable(parseIp(text)!), true, text);
    }
  });

  it("know loopback in both families", () => {
    for (const text of ["127.0.0.1", "127.9.9.9", "::1"]) {
      assert.equal(isLoopback(parseIp(text)!), true, text);
    }
    for (const text of ["128.0.0.1", "::2", "1::1"]) {
      assert.equal(isLoopback(parseIp(text)!), false, text);
    }
  });
});
