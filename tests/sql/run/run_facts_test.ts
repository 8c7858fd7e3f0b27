import { assert, assertMatch } from "@std/assert";
import { systemClock as clock } from "../../../src/clock.ts";
import { deriveFacts } from "../../../src/sql/run/run_facts.ts";
import { SqlRunStore } from "../../../src/sql/run/run.ts";
import { SqlStatisticsStore } from "../../../src/sql/statistics/statistics.ts";
import { testOverDatabases } from "../../fakes/database.ts";
import { aRun } from "../../fakes/stores/github.ts";
import { explainQueries } from "../../fakes/query_plan.ts";

testOverDatabases(
  "deriveFacts() looks up any number of runs by their IDs",
  async ({ database }) => {
    await new SqlRunStore(database, clock).put([aRun({ status: "completed" })]);
    for (const count of [1, 4, 100]) {
      const ids = Array.from({ length: count }, (_, at) => at + 1);
      const [plan = ""] = await database.read((db) =>
        explainQueries(db, { explain: "explain query plan", work: (db) => deriveFacts(db, ids) })
      );
      assertMatch(plan, /SEARCH r USING INTEGER PRIMARY KEY/, `${count} of them`);
      assert(!plan.includes("SCAN"), plan);
    }
  },
  { kinds: ["memory"] },
);

testOverDatabases(
  "StatisticsStore.query() adds up the runs of a branch with an index-only scan",
  async (
    { database },
  ) => {
    const days = { from: "2026-01-01", to: "2026-12-31", page: 1, perPage: 30 };
    for (const groupBy of ["day", "week", "workflow", "repository"] as const) {
      const plans = await database.read((db) =>
        explainQueries(db, {
          explain: "explain query plan",
          work: (db) =>
            new SqlStatisticsStore({ read: (query) => query(db) })
              .query({ ...days, groupBy, branch: "topic", visibility: "all" }),
        })
      );
      const ofRuns = plans.flatMap((plan) => plan.split("\n")).filter((line) =>
        /_non_default_/.test(line)
      );
      assert(ofRuns.length > 0, plans.join("\n"));
      for (const step of ofRuns) {
        assertMatch(step, /COVERING INDEX run_facts_by_non_default_branch/);
      }
    }
  },
  { kinds: ["memory"] },
);
