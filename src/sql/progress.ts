/** How far something has come, so that states can be compared in SQL: 2 when it has completed, 1 while it runs, 0 before. */
export function statusRank(status: string | null): number {
  if (status === "completed") return 2;
  return status === "in_progress" ? 1 : 0;
}
