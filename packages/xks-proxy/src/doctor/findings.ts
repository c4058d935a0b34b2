import { BROKEN_CHAIN_REMEDY } from '../audit/chain-end.ts';
import { DAMAGED_COUNTS_REMEDY } from '../budget/counts-directory.ts';

/** The name of a finding; stable. */
export type FindingCode = keyof typeof FINDINGS;

/** The result of one check. */
export interface Finding {
  readonly code: FindingCode;
  readonly level: 'ok' | 'warning' | 'failure';
  /** The subject, such as `token main`. */
  readonly subject: string;
  readonly text: string;
  /** Absent if all is well. */
  readonly remedy?: string;
}

/** Takes a finding. */
export type Report = (code: FindingCode, subject: string, text: string) => void;

/** A finding with its level and remedy. */
export function finding(code: FindingCode, subject: string, text: string): Finding {
  const [level, remedy] = FINDINGS[code];
  return { code, level, subject, text, ...(remedy !== '' && { remedy }) };
}

// The level of each finding, and its remedy.
const FINDINGS = {
  'config-read': ['ok', ''],
  'config-invalid': ['failure', 'correct the setting that is named; `config check` reads it again'],
  'secret-exposed': ['failure', 'let only the user of the proxy read it: chmod 600'],
  'file-writable': ['failure', 'let only its owner write it: chmod go-w'],
  'lock-left': ['warning', 'delete it, if no other command is at work on the file'],

  'token-open': ['ok', ''],
  'binding-missing': [
    'failure',
    'do what this finding says of pkcs11js, on the machine and with the Node.js of the proxy, and run doctor again',
  ],
  'module-unusable': [
    'failure',
    'set `module` to the PKCS#11 library of the maker of the token; try its own tools on it',
  ],
  'token-absent': [
    'failure',
    'set `label` or `serial` to one of the tokens that the module shows; check its own configuration and environment',
  ],
  'pin-refused': [
    'failure',
    'write the right PIN into `pin_file`, before more attempts lock the token; CloudHSM wants user:password',
  ],
  'pin-locked': ['failure', 'have the security officer of the token reset the PIN'],
  'token-failed': [
    'failure',
    'look into the log of the module, at its own configuration (of SoftHSM: SOFTHSM2_CONF), and for the device itself',
  ],
  'round-trip-done': ['ok', ''],
  'round-trip-failed': [
    'failure',
    'look into the log of the module; a token that alters data must not be used',
  ],
  'iv-mode-wrong': [
    'failure',
    'set `iv` of the token to what it does: "supplied" (SoftHSM), "written" (CloudHSM, nShield) or "appended" (Luna)',
  ],
  'token-slow': [
    'warning',
    'KMS waits 250 ms for all: bring the token nearer, or look for its load; with calls = "auto" or "worker" it holds up only its own calls',
  ],
  'token-too-slow': [
    'failure',
    'no request can be answered in time: bring the token nearer, or look for its load',
  ],
  'threads-few': [
    'warning',
    'set UV_THREADPOOL_SIZE in the environment of the proxy to `max_sessions`, or use calls = "worker"',
  ],
  'health-key-unset': [
    'warning',
    'give the health check a key of its own: `health_key_label`; keys of stores come and go',
  ],
  'health-key-missing': [
    'failure',
    'make an AES-256 key of this label on the token, or take `health_key_label` out',
  ],
  'health-key-shared': ['warning', 'name a key in `health_key_label` that no store uses'],

  'key-usable': ['ok', ''],
  'key-missing': [
    'failure',
    'restore it from the backup of the token, correct its label or id, or take the external key out',
  ],
  'key-ambiguous': ['failure', 'name it by its id in place of its label'],
  'key-unsuitable': ['failure', 'link an AES-256 key; `keys create` makes one'],
  'key-exposed': [
    'failure',
    'rotate to a key that is sensitive and not extractable, as `keys rotate` makes it; what this one encrypted stays exposed',
  ],
  'key-imported': [
    'warning',
    'be sure that no copy of it is left anywhere; `keys rotate` makes one that never was outside',
  ],
  'key-usages-missing': [
    'failure',
    'give the key CKA_ENCRYPT and CKA_DECRYPT on the token, or narrow `usages`',
  ],
  'key-usages-excessive': [
    'warning',
    'take the other usages from the key on the token: one that wraps or derives can leak others',
  ],
  'key-single-usage': [
    'warning',
    'have both in `usages`: CreateKey of KMS takes no other key; one that has its KMS key may be narrowed on purpose',
  ],
  'keys-differ': [
    'failure',
    'name in `tokens` only tokens with the same key: ciphertext of one would not open on the other',
  ],
  'key-named-twice': [
    'warning',
    'run `keys rotate` for each key that has it: encryptions are counted for each name alone, and the limit is for their sum. A count does not follow a change of the name',
  ],
  'key-orphaned': [
    'warning',
    'leave it where it is: it may belong to another proxy, program or keys file, and what was ever encrypted under it opens with nothing else. One that a stopped command has left is for `keys link`; one named NAME.vN.… is a version of NAME, which `keys link NAME --next-version --id …` brings back where a keys file has lost it, the lowest N first',
  ],

  'certificate-fit': ['ok', ''],
  'certificate-expires': ['warning', 'renew it; the proxy takes a new one without a restart'],
  'certificate-expires-soon': ['failure', 'renew it today; the proxy takes a new one without a restart'],
  'certificate-outdated': [
    'failure',
    'put one that is valid today in its place, with the intermediate certificates that its authority uses now; if it should be valid, set the clock',
  ],
  'certificate-name': ['failure', 'have one issued for the host name that KMS calls'],
  'certificate-incomplete': [
    'failure',
    'put the intermediate certificates behind it in `certificate_file`, each issued by the next',
  ],
  'certificate-untrusted': [
    'warning',
    'KMS wants one of a public authority; the local KMS takes any that it is told to trust',
  ],
  'certificate-purpose': [
    'failure',
    'have one issued whose extended key usage is, or includes, server authentication',
  ],
  'certificate-slow': [
    'warning',
    'have one issued for an ECDSA P-256 key: a handshake with RSA takes about twice as long',
  ],

  'call-answered': ['ok', ''],
  'call-refused': [
    'failure',
    'look for the line with this error in the log of the proxy, where the reason stands',
  ],
  'call-slow': [
    'warning',
    'KMS waits 250 ms for all: look for the way there, and the load of proxy and token',
  ],
  'call-untried': [
    'warning',
    'leave `--endpoint` out to have the calls tried on a proxy without client certificates; those of KMS are in the log of this one',
  ],
  'endpoint-unreachable': [
    'failure',
    'check name, port, firewall and load balancer; the proxy listens on `server.host` and `port`',
  ],
  'proxy-not-started': ['failure', 'see the findings before this one'],
  'clock-skewed': ['failure', 'set the clocks with NTP: a signature is good for five minutes'],
  'clock-drifting': ['warning', 'set the clocks with NTP: a signature is good for five minutes'],

  'audit-in-use': ['ok', ''],
  'audit-unwritable': [
    'failure',
    'let the user of the proxy write to `audit.directory`, and read what is in it',
  ],
  'audit-broken': ['failure', BROKEN_CHAIN_REMEDY],
  'audit-incomplete': [
    'warning',
    'put the file back, let nothing empty or remove files in between, and see `audit verify` for all that is missing',
  ],
  'budget-uncounted': [
    'warning',
    'name a folder in `iv_budget.state_dir`: else encryptions under a key are counted anew with each start',
  ],
  'budget-unwritable': [
    'failure',
    'let the user of the proxy write to `iv_budget.state_dir`: no key encrypts uncounted',
  ],
  'budget-unreadable': [
    'failure',
    `let the user of the proxy read the file; if it is damaged: ${DAMAGED_COUNTS_REMEDY}`,
  ],
  'rotation-impossible': [
    'failure',
    'put the `keys_file` into a folder that the user of the proxy may write, such as /var/lib/xks-proxy, or have at_limit = "refuse" and `keys rotate` by hand',
  ],
  'budget-half-used': ['warning', '`keys rotate` it in time: at the limit the key encrypts no more'],
  'admin-exposed': [
    'warning',
    'let `admin.host` be an address that only operators reach: it has no authentication',
  ],
  'timeout-long': ['warning', 'leave the network some of the 250 ms: `timeout_ms` of 200 or less'],
  'quota-absent': ['warning', 'give each store a quota, so that one tenant cannot take the time of all'],
  'credential-old': ['warning', '`credentials add`, give it to KMS, then `credentials revoke` the old one'],
  'store-keyless': ['warning', '`keys create` or `keys link`'],
} as const satisfies Record<string, readonly ['ok' | 'warning' | 'failure', string]>;
