// Plain JavaScript, because Node reads this file too.

/** Where every server takes deliveries. */
export const PATH = "/api/webhooks/github";
/** What they are signed with. */
export const SECRET = "correct horse battery staple";
