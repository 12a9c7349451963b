/** Audiences of one profile that change in one write, at most: a transaction of DynamoDB holds 100 items. */
export const maxAudiences = 90;
