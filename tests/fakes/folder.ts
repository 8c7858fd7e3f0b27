/** A temporary folder. `await using` removes it. */
export class TemporaryFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<TemporaryFolder> {
    return new TemporaryFolder(await Deno.makeTempDir({ prefix: "runwire-" }));
  }

  /** Every file in it, at any depth, in order. */
  async files(folder = this.path): Promise<string[]> {
    const found: string[] = [];
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = `${folder}/${name}`;
      found.push(...isDirectory ? await this.files(path) : [path]);
    }
    return found.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
