import { assertEquals } from "@std/assert";

/** The rules of English in .github/CONTRIBUTING.md, as far as a pattern can check them. */
const ROOT = new URL("../", import.meta.url);
const CHECKED = ["main.ts", "README.md", "deno.json", "src", "docs", ".github", "deploy", "bench"];
const EXTENSIONS = /\.(ts|md|ya?ml|sh|service|example|json)$|\/Dockerfile$/;

/** Words that read like a translation, each with what to write instead. A space also matches a line break in a comment. */
const BAD_WORDS: readonly (readonly [pattern: string, replacement: string])[] = [
  ["allowed (is|are)", "expected …"],
  ["who(so)?ever", "a noun, such as a client or a user"],
  ["(some|no|any|every)body", "a noun, such as a client or a user"],
  ["who (asks|calls|reads|connects)", "the caller, the client"],
  ["those (that|who)", "a noun, such as clients that"],
  ["(he|his|him)", "they, their"],
  ["(ours|theirs)", "a noun, such as our webhook or other instances"],
  ["parted by", "separated by"],
  ["anew", "again"],
  ["meanwhile", "in the meantime, while …"],
  ["any more", "no longer before the verb"],
  ["(until|since|from) when", "the time, such as prints the reset time"],
  ["for how long", "how long, the duration"],
  ["so long (as|may)", "while, if"],
  ["so (many|much|often|long)", "a number, up to N"],
  ["as (many|much) as (it|they|he) likes?", "any number"],
  ["at the (most|least)", "at most, at least, up to"],
  ["(be|is|are|was) let (go|in)", "released, revoked, allowed"],
  ["let(s|ting)? go", "release, revoke"],
  ["tell(s|ing)?|told", "report, return, publish, send"],
  ["hear(s|d)?|hearing", "receive"],
  ["there (is|are) none", "is missing, is empty"],
  ["(cannot|can) be had|to be had", "is unavailable, is available"],
  ["is away|are away|was away", "is unavailable"],
  ["(goes|went|go) on (where|with|there)", "continues, resumes"],
  ["(bring|brings|brought|bringing) in", "import"],
  [
    "(organ|author|recogn|normal|initial|optim|minim|serial|synchron|summar)is(e|es|ed|ing|ation|ations)",
    "American spelling: -ize",
  ],
  ["(behaviour|colour|favour|honour|neighbour)s?", "American spelling: -or"],
  ["(licence|centre|catalogue|grey|artefact)s?", "American spelling"],
];

const SPACE = '(?:[\\s*/#"`+]+)';
const CHECKS = BAD_WORDS.map(([pattern, replacement]) => ({
  pattern: new RegExp(`(?<![\\w-])(?:${pattern.replaceAll(" ", SPACE)})(?![\\w-])`, "gi"),
  replacement,
}));

interface SourceText {
  readonly path: string;
  readonly text: string;
}

async function* readTexts(path: string): AsyncGenerator<SourceText> {
  const url = new URL(path, ROOT);
  if (!(await Deno.stat(url)).isDirectory) {
    if (EXTENSIONS.test(`/${path}`)) yield { path, text: await Deno.readTextFile(url) };
    return;
  }
  for await (const { name } of Deno.readDir(url)) yield* readTexts(`${path}/${name}`);
}

/** One line for each bad word: file, line, word and replacement. URLs are skipped. */
function findBadWords({ path, text }: SourceText): string[] {
  const prose = text.replaceAll(/https?:\/\/\S+/g, (url) => " ".repeat(url.length));
  return CHECKS.flatMap(({ pattern, replacement }) =>
    [...prose.matchAll(pattern)].map((match) => {
      const line = prose.slice(0, match.index).split("\n").length;
      return `${path}:${line} "${match[0].replace(/\s+/g, " ")}": write ${replacement}`;
    })
  );
}

Deno.test("Sources, help and documentation use plain English", async () => {
  const found: string[] = [];
  for (const root of CHECKED) {
    for await (const text of readTexts(root)) found.push(...findBadWords(text));
  }
  assertEquals(found, []);
});

Deno.test("The check for plain English names file, line, word and replacement", () => {
  const text = "/** Sent once. */\n/** Read by whoever\n * asks, at the\n * most twice. */\n";
  assertEquals(findBadWords({ path: "src/a.ts", text }), [
    'src/a.ts:2 "whoever": write a noun, such as a client or a user',
    'src/a.ts:3 "at the * most": write at most, at least, up to',
  ]);
  assertEquals(
    findBadWords({ path: "src/a.ts", text: "const whoeverAsks = 1; // https://a/anew" }),
    [],
  );
});
