// Sockets through libc: the cheapest measured way to receive (bench/README.md), so that the receiver does not distort the
// measurement.

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const EPOLLIN = 1;
const EPOLL_CTL_ADD = 1;
/** `struct epoll_event` is only packed on x86-64. */
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const DATA_OFFSET = EVENT_BYTES - 8;
const MAX_EVENTS = 512;

const libc = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  usleep: { parameters: ["u32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
}).symbols;

/** Returns a file descriptor connected to 127.0.0.1; `limitSeconds` is the receive timeout. */
export function connect(port: number, limitSeconds: number): number {
  const address = new DataView(new ArrayBuffer(16));
  address.setUint16(0, AF_INET, true);
  address.setUint16(2, port);
  address.setUint32(4, 0x7f000001);
  const limit = new BigInt64Array([BigInt(limitSeconds), 0n]);

  const fd = check(libc.socket(AF_INET, SOCK_STREAM, 0), "open a socket");
  check(libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, limit, 16), "set a receive limit");
  check(libc.connect(fd, address, 16), `connect to port ${port}`);
  return fd;
}

export function send(fd: number, bytes: Uint8Array<ArrayBuffer>): void {
  if (libc.send(fd, bytes, BigInt(bytes.length), 0) !== bytes.length) {
    throw new Error(`failed to send ${bytes.length} bytes at once`);
  }
}

/** Receives into `buffer`; returns the number of bytes, at least one. */
export function receive(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  const length = check(libc.recv(fd, buffer, BigInt(buffer.length), 0), "receive in time");
  if (length === 0) throw new Error("the server closed a connection");
  return length;
}

/** Blocks the thread; incoming data does not wake it up. */
export function sleep(microseconds: number): void {
  libc.usleep(microseconds);
}

/** Waits for several sockets with epoll. */
export class Epoll {
  readonly #epoll = check(libc.epoll_create1(0), "open an epoll");
  readonly #events = new DataView(new ArrayBuffer(MAX_EVENTS * EVENT_BYTES));

  /** Adds a socket, reported as `id` by `wait()`. */
  add(fd: number, id: number): void {
    const event = new DataView(new ArrayBuffer(EVENT_BYTES));
    event.setUint32(0, EPOLLIN, true);
    event.setInt32(DATA_OFFSET, id, true);
    check(libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, event), "watch a socket");
  }

  /** Calls `onReadable` for every readable socket; returns their number, 0 after a timeout. */
  wait(timeoutMs: number, onReadable: (id: number) => void): number {
    const count = check(
      libc.epoll_wait(this.#epoll, this.#events, MAX_EVENTS, timeoutMs),
      "wait for sockets",
    );
    for (let at = 0; at < count; at++) {
      onReadable(this.#events.getInt32(at * EVENT_BYTES + DATA_OFFSET, true));
    }
    return count;
  }
}

function check(result: number, action: string): number {
  if (result < 0) throw new Error(`failed to ${action}`);
  return result;
}
