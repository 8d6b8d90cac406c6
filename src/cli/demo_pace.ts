/**
 * A network that sends no faster than it is told, so that the demo's loopback swarm lasts long
 * enough to be looked at. It holds back the word that bytes have gone out; sessions keep one send
 * under way, so no byte is queued here.
 */
import type { Clock, Socket, StreamNet } from "../platform/types.ts";

/** `net` with all of its sockets together sending at most `bytesPerSecond`. */
export function pacedNet(net: StreamNet, clock: Clock, bytesPerSecond: number): StreamNet {
  let freeAt = clock.now();
  const delayed = (byteCount: number, sent: () => void) => {
    freeAt = Math.max(freeAt, clock.now()) + byteCount / bytesPerSecond * 1000;
    clock.after(freeAt - clock.now(), sent);
  };
  return {
    connect: (to) => paced(net.connect(to), delayed),
    listen: (on, onSocket) =>
      net.listen(on, (socket, info) => onSocket(paced(socket, delayed), info)),
    lookup: (host) => net.lookup(host),
  };
}

function paced(socket: Socket, delayed: (byteCount: number, sent: () => void) => void): Socket {
  return {
    // Getters, because a socket may choose its path by which of them is touched.
    get readable() {
      return socket.readable;
    },
    get writable() {
      return socket.writable;
    },
    get opened() {
      return socket.opened;
    },
    get closed() {
      return socket.closed;
    },
    close: () => socket.close(),
    attach: (sink) => socket.attach(sink),
    send: (bytes, sent) => socket.send(bytes, () => delayed(bytes.length, sent)),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  };
}
