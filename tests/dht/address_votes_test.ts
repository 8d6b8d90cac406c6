import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AddressVotes } from "../../src/dht/address_votes.ts";
import { Contacts } from "../../src/dht/contacts.ts";

const OURS = "203.0.113.7", OTHER = "203.0.113.99";

describe("AddressVotes", () => {
  it("believes an address that four networks and most of all voters saw", () => {
    const votes = new AddressVotes();
    for (let n = 1; n < 4; n++) assert.equal(votes.vote(`80.${n}.0.1`, OURS), false);
    assert.equal(votes.address, null);
    assert.equal(votes.vote("80.4.0.1", OURS), true);
    assert.equal(votes.address, OURS);
    assert.equal(votes.vote("80.5.0.1", OURS), false, "nothing changed");
  });

  it("gives one network one vote, however many addresses it has", () => {
    const votes = new AddressVotes();
    for (let n = 1; n < 100; n++) votes.vote(`80.1.1.${n}`, OTHER);
    assert.equal(votes.address, null);
    for (let n = 1; n < 100; n++) votes.vote(`2001:db8::${n}`, "2001:db8:9::1");
    assert.equal(votes.address, null);
  });

  it("is not moved by a minority", () => {
    const votes = new AddressVotes();
    for (let n = 1; n <= 20; n++) votes.vote(`80.${n}.0.1`, OURS);
    for (let n = 1; n <= 12; n++) votes.vote(`90.${n}.0.1`, OTHER);
    assert.equal(votes.address, OURS);
  });

  it("follows a real change, since the last votes count", () => {
    const votes = new AddressVotes();
    for (let n = 1; n <= 200; n++) votes.vote(`80.${n}.0.1`, OURS);
    let changes = 0;
    for (let n = 1; n <= 32; n++) changes += Number(votes.vote(`80.${n}.0.1`, OTHER));
    assert.equal(votes.address, OTHER);
    assert.equal(changes, 1);
  });

  it("learns nothing from and about local networks", () => {
    const votes = new AddressVotes();
    for (let n = 1; n < 50; n++) {
      votes.vote(`10.${n}.0.1`, OURS);
      votes.vote(`80.${n}.0.1`, "192.168.1.5");
    }
    assert.equal(votes.address, null);
  });
});

describe("Contacts", () => {
  const at = (n: number) => ({ address: `80.${n >> 8}.${n & 255}.1`, port: 6881 });

  it("gives each once, in order, and again only if asked to", () => {
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
