/** The values that a condition key, by its name in lower case, has in a request; undefined if it has none. */
export type ConditionKeys = (key: string) => readonly string[] | undefined;

/** A text of a policy with `*`, `?` and policy variables in it. */
export interface Pattern {
  /** Whether a text is of this form, with the variables as they are in one request. */
  readonly matches: (text: string, keys: ConditionKeys) => boolean;
}

/** What is special in a pattern. */
export interface PatternOptions {
  /** Whether `*` and `?` stand for other characters. */
  readonly wildcards: boolean;
  /** Whether `${…}` stands for the value of a condition key: in documents of the version 2012-10-17 only. */
  readonly variables: boolean;
  readonly ignoreCase?: boolean;
}

/**
 * Reads a pattern. The value of a variable is literal text, whatever characters it has; a variable without a value
 * and a default equals nothing, and so what it is in matches no text.
 */
export function pattern(text: string, options: PatternOptions): Pattern {
  const fold = (part: string) => (options.ignoreCase === true ? part.toLowerCase() : part);
  const tokens = tokensOf(text, options, fold);
  const isFixed = tokens.every((token) => typeof token !== 'object');
  const [first] = tokens;
  const prefix = typeof first === 'string' ? first : '';
  if (isFixed && tokens.every((token) => typeof token === 'string')) {
    const literal = tokens.join('');
    return { matches: (candidate) => fold(candidate) === literal };
  }
  // Most patterns are `*`, or a text and a `*` behind it.
  if (tokens.at(-1) === ANY_TEXT && tokens.length === (prefix === '' ? 1 : 2)) {
    return { matches: (candidate) => fold(candidate).startsWith(prefix) };
  }
  const fixed = isFixed ? tokens.flatMap((token) => charactersOf(token, noKeys, fold)) : undefined;
  return {
    matches(candidate, keys) {
      const folded = fold(candidate);
      if (!folded.startsWith(prefix)) return false;
      return matchesGlob(fixed ?? tokens.flatMap((token) => charactersOf(token, keys, fold)), folded);
    },
  };
}

interface Variable {
  readonly key: string;
  readonly fallback: string | undefined;
}

type Wildcard = typeof ANY_TEXT | typeof ANY_CHARACTER;
type Token = string | Wildcard | Variable;
/** A piece of a pattern whose variables have their values: a character, a wildcard, or a piece that matches nothing. */
type Piece = string | Wildcard | typeof NO_CHARACTER;

function tokensOf(
  text: string,
  { wildcards, variables }: PatternOptions,
  fold: (part: string) => string,
): readonly Token[] {
  const parts = variables ? text.split(VARIABLE) : [text];
  return parts
    .filter((part) => part !== '')
    .flatMap((part): readonly Token[] => {
      const variable = variables ? variableOf(part) : undefined;
      if (variable && ['*', '?', '$'].includes(variable.key)) return [variable.key];
      if (variable) return [variable];
      if (!wildcards) return [fold(part)];
      return [...part.matchAll(/[*?]|[^*?]+/g)].map(([piece]) => WILDCARDS.get(piece) ?? fold(piece));
    });
}

/** Reads `${key}` and `${key, 'default'}`; undefined for any other text. */
function variableOf(part: string): Variable | undefined {
  const [, content = ''] = WHOLE_VARIABLE.exec(part) ?? [];
  // One expression for key and default would take the square of the length for some texts.
  const comma = content.indexOf(',');
  const key = (comma < 0 ? content : content.slice(0, comma).trimEnd()).toLowerCase();
  if (comma < 0) return key === '' ? undefined : { key, fallback: undefined };
  const [, fallback] = DEFAULT.exec(content.slice(comma + 1)) ?? [];
  return key === '' || fallback === undefined ? undefined : { key, fallback };
}

function charactersOf(token: Token, keys: ConditionKeys, fold: (part: string) => string): readonly Piece[] {
  if (typeof token === 'symbol') return [token];
  if (typeof token === 'string') return token.split('');
  const values = keys(token.key);
  const value = values?.length === 1 ? values[0] : token.fallback;
  return value === undefined ? [NO_CHARACTER] : fold(value).split('');
}

/** Backtracks to the last `*` only, so the time is at most the product of both lengths. */
function matchesGlob(glob: readonly Piece[], text: string): boolean {
  let [at, position] = [0, 0];
  let retry: { readonly at: number; readonly position: number } | undefined;
  while (position < text.length) {
    const token = glob[at];
    if (token === ANY_TEXT) {
      retry = { at, position };
      at += 1;
    } else if (token === ANY_CHARACTER || (token !== undefined && token === text[position])) {
      at += 1;
      position += 1;
    } else if (retry) {
      retry = { at: retry.at, position: retry.position + 1 };
      at = retry.at + 1;
      position = retry.position;
    } else {
      return false;
    }
  }
  return glob.slice(at).every((token) => token === ANY_TEXT);
}

const noKeys: ConditionKeys = () => undefined;
const ANY_TEXT = Symbol('*');
const ANY_CHARACTER = Symbol('?');
const NO_CHARACTER = Symbol('none');
const WILDCARDS: ReadonlyMap<string, Wildcard> = new Map<string, Wildcard>([
  ['*', ANY_TEXT],
  ['?', ANY_CHARACTER],
]);
const VARIABLE = /(\$\{[^{}]+\})/;
const WHOLE_VARIABLE = /^\$\{([^{}]+)\}$/;
const DEFAULT = /^\s*'([^']*)'$/;
