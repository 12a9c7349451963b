/** The source id of what a steward stated by hand. No source of Ingestion can have it. */
export const stewardSource = "@steward";
