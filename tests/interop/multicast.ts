/** A network namespace in which programs hear each other by multicast. */

import { spawnSync } from "node:child_process";
import process from "node:process";
import { python } from "./needs.ts";
import { cannotMakeNamespace, makeNamespace, type Namespace } from "./netns.ts";
import type { Scene } from "./scene.ts";

/** Sends itself one datagram by the group of LSD. */
const PROBE = `
import socket, sys
group, address = "239.192.152.143", sys.argv[1]
ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
ear.bind(("", 6771))
ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
               socket.inet_aton(group) + socket.inet_aton(address))
ear.settimeout(2)
mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
mouth.sendto(b"heard", (group, 6771))
print(ear.recv(100).decode())
`;

/** The namespace, or why there is none. */
export function multicastNamespace(scene: Scene): Namespace | string {
  const why = cannotMakeNamespace();
  if (why !== false) return why;
  const namespace = makeNamespace(scene), { enter, there } = namespace;
  const run = (...command: string[]) => {
    const [program = "", ...args] = [...enter, ...command];
    return spawnSync(program, args, { encoding: "utf8" });
  };
  // Transmission joins where the routes say, and there is no default route.
  run("ip", "route", "add", "224.0.0.0/4", "dev", `shl${process.pid}b`);
  const { stdout, stderr } = run(python, "-c", PROBE, there);
  if (stdout.trim() === "heard") return namespace;
  return `needs multicast in a network namespace (${stderr.trim().split("\n").at(-1)})`;
}
