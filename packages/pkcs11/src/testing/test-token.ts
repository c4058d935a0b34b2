/** A token in a folder of its own. */
export interface TestToken {
  readonly modulePath: string;
  /** For `openModule`; undefined for a module that needs none. */
  readonly initializationParameters?: string;
  readonly label: string;
  readonly pin: string;
  readonly soPin: string;
  /** Holds configuration and objects. */
  readonly directory: string;
  /** Removes the folder; close all modules and tokens first. */
  dispose(): void;
}
