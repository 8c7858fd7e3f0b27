import { TemporaryFolder } from "./folder.ts";

/** A small file system. `await using` unmounts it. */
export class SmallDisk implements AsyncDisposable {
  readonly #folder: TemporaryFolder;

  private constructor(folder: TemporaryFolder) {
    this.#folder = folder;
  }

  /** Mounts a disk of `megabytes`; fails if mounting is not permitted. */
  static async mount(megabytes: number): Promise<SmallDisk> {
    await using stack = new AsyncDisposableStack();
    const folder = stack.use(await TemporaryFolder.create());
    await runAsRoot(
      "mount",
      "-t",
      "tmpfs",
      "-o",
      `size=${megabytes}m,mode=777`,
      "tmpfs",
      folder.path,
    );
    stack.move();
    return new SmallDisk(folder);
  }

  get path(): string {
    return this.#folder.path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runAsRoot("umount", "--lazy", this.path);
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Whether disks can be mounted. With REQUIRE_SERVICES=1 the answer is always yes, so that tests fail without it. */
export async function canMount(): Promise<boolean> {
  if (Deno.env.get("REQUIRE_SERVICES") === "1") return true;
  try {
    await using _disk = await SmallDisk.mount(1);
    return true;
  } catch {
    return false;
  }
}

async function runAsRoot(...argv: string[]): Promise<void> {
  const [command = "", ...args] = Deno.uid() === 0 ? argv : ["sudo", "--non-interactive", ...argv];
  const { success, stderr } = await new Deno.Command(command, { args, stdin: "null" }).output();
  if (!success) throw new Error(`Cannot ${argv[0]}: ${new TextDecoder().decode(stderr).trim()}`);
}
