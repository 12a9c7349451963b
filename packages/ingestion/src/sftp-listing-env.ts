import * as z from "zod/mini";

/** Environment of the function that reads listings of partners' directories. */
export const sftpListingEnv = z.object({
  LEDGER_TABLE: z.string(),
  LANDING_BUCKET: z.string(),
});

/** Where Transfer Family writes listings in the landing bucket: `listings/source=<id>/<file>`. */
export const listingsPrefix = "listings/";

/** Files of one transfer: StartFileTransfer's most. */
export const filesPerTransfer = 10;
/** New files of a directory in one run, so that their names stay below what a state machine carries; more are next's. */
export const filesPerRun = 500;
/** A file that changed so lately may be being written: it is the next run's. Seconds. */
export const quietSeconds = 60;
