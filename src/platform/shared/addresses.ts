/** Addresses as plain text: no brackets, no zone, never an IPv4-mapped IPv6 address. */
import { isIPv4 } from "node:net";

export function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  const zone = address.indexOf("%");
  const text = zone < 0 ? address : address.slice(0, zone);
  if (text.length > 7 && text.slice(0, 7).toLowerCase() === "::ffff:" && isIPv4(text.slice(7))) {
    return text.slice(7);
  }
  return text;
}

/** "1.2.3.4:80" or "[::1]:80", for messages. */
export function hostPort(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
