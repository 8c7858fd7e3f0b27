// Sockets by way of libc: the cheapest of what was measured for receiving (bench/README.md), and the receiver
// must not be what is measured.

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const EPOLLIN = 1;
const EPOLL_CTL_ADD = 1;
/** `struct epoll_event` is packed on x86-64 alone. */
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

/** A file descriptor connected to 127.0.0.1; a receive waits for at most `limitSeconds`. */
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
    throw new Error(`Cannot send ${bytes.length} bytes at once`);
  }
}

/** How many bytes were put into `buffer`: at least one. */
export function receive(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  const length = check(libc.recv(fd, buffer, BigInt(buffer.length), 0), "receive in time");
  if (length === 0) throw new Error("The server closed a connection");
  return length;
}

/** Does nothing for so long; what comes meanwhile wakes nobody up. */
export function sleep(microseconds: number): void {
  libc.usleep(microseconds);
}

/** Waits for many sockets at once (epoll). */
export class Epoll {
  readonly #epoll = check(libc.epoll_create1(0), "open an epoll");
  readonly #events = new DataView(new ArrayBuffer(MAX_EVENTS * EVENT_BYTES));

  /** `ready()` reports this socket as `name`. */
  add(fd: number, id: number): void {
    const event = new DataView(new ArrayBuffer(EVENT_BYTES));
    event.setUint32(0, EPOLLIN, true);
    event.setInt32(DATA_OFFSET, id, true);
    check(libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, event), "watch a socket");
  }

  /** Calls `each` for every socket with something to read; returns how many, 0 after `ms` of silence. */
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

function check(result: number, act: string): number {
  if (result < 0) throw new Error(`Cannot ${act}`);
  return result;
}
