import process from "node:process";
import type { Passwords } from "../types.ts";

const MOST_COST = 20;

export function createPasswords(): Passwords {
  return {
    scrypt: (password, salt, cost) => {
      if (!Number.isInteger(cost) || cost < 1 || cost > MOST_COST) {
        return Promise.reject(new RangeError(`The cost of a password's hash is ${cost}`));
      }
      // Loaded on demand: few programs have passwords.
      const { scrypt } = process.getBuiltinModule("node:crypto");
      const options = { N: 2 ** cost, r: 8, p: 1, maxmem: 2 ** (cost + 11) };
      return new Promise((resolve, reject) => {
        scrypt(password, salt, 32, options, (error, key) => {
          // Bun has undefined for no error.
          if (error) reject(error);
          else resolve(new Uint8Array(key));
        });
      });
    },
  };
}
