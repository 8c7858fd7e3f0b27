/** A number from 0 (inclusive) to 1 (exclusive), like Math.random. */
export type Random = () => number;
