/** Whether this is the long form, `npm run load`, whose figures mean something on a machine that does nothing else. */
export const IS_LONG = process.env['HOLDFAST_LOAD'] === 'long';

/** How long each load lasts. The short form shows that nothing gets lost; it says nothing about speed. */
export const LOAD_MS = IS_LONG ? 10_000 : 2_000;

/** How many connections carry it. */
export const CONNECTIONS = IS_LONG ? 32 : 8;
