import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Contacts } from "../../src/dht/contacts.ts";

describe("Contacts", () => {
  const at = (n: number) => ({ address: `80.${n >> 8}.${n & 255}.1`, port: 6881 });

  it("returns each once, in order, and again only on request", () => {
    const contacts = new Contacts();
    contacts.add(at(1));
    contacts.add(at(2));
    contacts.add(at(1));
    assert.deepEqual(contacts.first(5), [at(1), at(2)]);
    assert.deepEqual([contacts.next(), contacts.next(), contacts.next()], [at(1), at(2), null]);
    contacts.add(at(1));
    assert.equal(contacts.next(), null);
    contacts.add(at(1), true);
    assert.deepEqual(contacts.next(), at(1));
  });

  it("holds 500 and forgets the oldest", () => {
    const contacts = new Contacts();
    for (let n = 0; n < 5000; n++) contacts.add(at(n));
    assert.equal(contacts.size, 500);
    assert.deepEqual(contacts.next(), at(4500));
  });
});
