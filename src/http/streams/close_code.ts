/** Close codes of RFC 6455, section 7.4.1. Streams of events, which have none, are ended for the same reasons. */
export const CLOSE_GOING_AWAY = 1001;
export const CLOSE_POLICY_VIOLATION = 1008;
export const CLOSE_TOO_BIG = 1009;
export const CLOSE_INTERNAL_ERROR = 1011;
