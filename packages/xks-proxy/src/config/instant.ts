import { TomlDate } from 'smol-toml';
import { z } from 'zod';

/** A point in time: a date and a time of day with its zone, as TOML writes it. */
export const INSTANT = z
  .instanceof(TomlDate)
  .refine((date) => date.isDateTime() && !date.isLocal(), 'must be a date and a time with its zone');
