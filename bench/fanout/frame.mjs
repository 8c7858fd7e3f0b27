// Plain JavaScript, because Node and Bun read this file too.

/**
 * The broadcast `number` of every server: six runs of nine fields, newest first, 2.1 KB as JSON. The first
 * run's title carries the number.
 * @param {number} number
 * @returns {{ runs: { repositoryName: string, id: number, workflowName: string, displayTitle: string, event: string, status: string, createdAt: string, updatedAt: string, htmlUrl: string }[] }}
 */
export function snapshot(number) {
  return { runs: [0, 1, 2, 3, 4, 5].map((place) => run(number, place)) };
}

/**
 * @param {number} number
 * @param {number} place
 */
function run(number, place) {
  const repositoryName = `octo-org/service-${place >> 1}`;
  const id = 30_433_642_000 + place;
  return {
    repositoryName,
    id,
    workflowName: "Build, test and publish",
    displayTitle: place === 0
      ? `broadcast ${number}`
      : "Keep the connection set free of sockets that have gone away",
    event: "push",
    status: place === 0 ? "in_progress" : "completed",
    createdAt: `2026-01-22T19:33:${50 - place}Z`,
    updatedAt: `2026-01-22T19:35:${50 - place}Z`,
    htmlUrl: `https://github.com/${repositoryName}/actions/runs/${id}`,
  };
}
