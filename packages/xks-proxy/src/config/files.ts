import { createSecretKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';
import { errorCode } from '../error-code.ts';
import { missingSetting } from './missing-setting.ts';

/** Schemas of settings that name a file; its path is relative to the configuration, and the file is read. */
export type Files = ReturnType<typeof filesBelow>;

/** Options for reading files. */
export interface ReadOptions {
  /** Texts by absolute path, which take the place of the content of those files. */
  readonly instead?: ReadonlyMap<string, string> | undefined;
  /** Called with the absolute path of each file before it is read. */
  readonly onRead?: ((file: string) => void) | undefined;
}

/** Reads the files that a configuration names. */
export function filesBelow(baseDirectory: string, { instead, onRead }: ReadOptions = {}) {
  // A message does not quote the name of a file: an operator may have put the secret itself in its place.
  const text = (what: string) =>
    z.string().transform((path, context): string => {
      const file = resolve(baseDirectory, path);
      onRead?.(file);
      try {
        return instead?.get(file) ?? readFileSync(file, 'utf8');
      } catch (error) {
        context.addIssue(`cannot read the ${what} (${errorCode(error) ?? 'unknown error'})`);
        return z.NEVER;
      }
    });
  return {
    /** The text of a file. */
    text,
    /** A one-line secret; the message of a mismatch never shows it. */
    secret: (what: string, pattern: RegExp, rule: string) =>
      text(what).transform((content, context) => {
        const value = content.replace(/\r?\n$/, '');
        if (pattern.test(value)) return createSecretKey(value, 'utf8');
        context.addIssue(`the ${what} must be ${rule}`);
        return z.NEVER;
      }),
    /** A TOML file in the form of a schema, with its absolute path. */
    toml: <Schema extends z.ZodType>(what: string, schema: Schema) =>
      z.string().transform((path, context): { path: string; content: z.output<Schema> } => {
        const result = text(what)
          .transform((content, inner): unknown => {
            try {
              return parseToml(content);
            } catch {
              inner.addIssue(`the ${what} is not valid TOML`);
              return z.NEVER;
            }
          })
          .pipe(schema)
          .safeParse(path, { error: missingSetting });
        if (result.success) return { path: resolve(baseDirectory, path), content: result.data };
        for (const { path: place, message } of result.error.issues) {
          context.addIssue({ code: 'custom', path: [...place], message });
        }
        return z.NEVER;
      }),
    /** The absolute path of a file or folder that is not read here. */
    path: () =>
      z
        .string()
        .min(1)
        .transform((path) => resolve(baseDirectory, path)),
  };
}
