import type { Run } from "../run/run.ts";
import type { Tx } from "./database.ts";

/** Keeps the workflow of a run, by the name that the latest run gives it. */
export async function keepWorkflow(tx: Tx, run: Run): Promise<void> {
  const { workflowId: id, repository, workflowName: name } = run;
  await tx.insertInto("workflows")
    .values({ id, repository, name, named_ms: Date.parse(run.createdAt) })
    .onConflict((conflict) =>
      conflict.column("id")
        .doUpdateSet((eb) => ({
          repository: eb.ref("excluded.repository"),
          name: eb.ref("excluded.name"),
          named_ms: eb.ref("excluded.named_ms"),
        }))
        .whereRef("excluded.named_ms", ">", "workflows.named_ms")
    )
    .execute();
}
