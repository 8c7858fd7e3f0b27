// Plain JavaScript, because Node reads this file too.

/** The path for deliveries of every server. */
export const PATH = "/api/webhooks/github";
/** The webhook secret. */
export const SECRET = "correct horse battery staple";
