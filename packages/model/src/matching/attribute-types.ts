/**
 * What a column holds, in Entity Resolution's words.
 * Source: SchemaInputAttribute in the API reference of AWS Entity Resolution.
 */
export const attributeTypes = [
  "NAME",
  "NAME_FIRST",
  "NAME_MIDDLE",
  "NAME_LAST",
  "ADDRESS",
  "ADDRESS_STREET1",
  "ADDRESS_STREET2",
  "ADDRESS_STREET3",
  "ADDRESS_CITY",
  "ADDRESS_STATE",
  "ADDRESS_COUNTRY",
  "ADDRESS_POSTALCODE",
  "PHONE",
  "PHONE_NUMBER",
  "PHONE_COUNTRYCODE",
  "EMAIL_ADDRESS",
  "UNIQUE_ID",
  "DATE",
  "STRING",
  "PROVIDER_ID",
  "IPV4",
  "IPV6",
  "MAID",
] as const;
export type AttributeType = (typeof attributeTypes)[number];
