// What the identity bench measures: schema mappings by column type, as a user would write them. Nothing here was fitted
// to a file: no threshold, no weights, no choice of blocking.

const column = (name, type, extra = {}) => ({ column: name, type, hashed: false, ...extra });
const rulesOf = (attributes, rules = [], probabilistic = rules.length === 0) => ({
  attributes,
  normalisation: "tributary",
  mode: "closure",
  comparison: "MANY_TO_MANY",
  rules,
  probabilistic,
  constraints: { limits: [], veto: [], mustLink: [], cannotLink: [], maxSize: 500 },
});

const febrl = [
  column("given_name", "NAME_FIRST"),
  column("surname", "NAME_LAST"),
  column("street_number", "STRING"),
  column("address_1", "ADDRESS_STREET1"),
  column("address_2", "ADDRESS_STREET2"),
  column("suburb", "ADDRESS_CITY"),
  column("postcode", "ADDRESS_POSTALCODE"),
  column("state", "ADDRESS_STATE"),
  column("date_of_birth", "DATE"),
];
const withNumber = [...febrl, column("soc_sec_id", "PROVIDER_ID")];

/** Accuracy on published sets. `person` makes a truth column of the id where a file has none. */
export const published = [
  ["febrl3", "febrl3.csv", withNumber, "rec_id", "febrl"],
  ["febrl3 without soc_sec_id", "febrl3.csv", febrl, "rec_id", "febrl without soc_sec_id"],
  ["febrl1", "febrl1.csv", withNumber, "rec_id", "febrl"],
  ["febrl2", "febrl2.csv", withNumber, "rec_id", "febrl"],
  [
    "fake_1000",
    "fake_1000.csv",
    [
      column("first_name", "NAME_FIRST"),
      column("surname", "NAME_LAST"),
      column("dob", "DATE"),
      column("city", "ADDRESS_CITY"),
      column("email", "EMAIL_ADDRESS"),
    ],
    "unique_id",
    "fake_1000",
  ],
  [
    "historical_50k_part_a",
    "historical_50k_part_a.parquet",
    [
      column("full_name", "NAME"),
      column("first_name", "NAME_FIRST"),
      column("surname", "NAME_LAST"),
      column("dob", "DATE"),
      column("birth_place", "ADDRESS_CITY"),
      column("postcode_fake", "ADDRESS_POSTALCODE"),
      column("gender", "STRING"),
      column("occupation", "STRING"),
    ],
    "unique_id",
    "historical_50k",
  ],
].map(([name, file, attributes, idColumn, splink]) => ({
  name,
  file,
  splink,
  idColumn,
  truth: file.startsWith("febrl") ? "person" : "cluster",
  rules: rulesOf(attributes),
}));

const person = [
  column("first_name", "NAME_FIRST", { matchKey: "first" }),
  column("last_name", "NAME_LAST", { matchKey: "last" }),
  column("dob", "DATE", { matchKey: "dob" }),
  column("email", "EMAIL_ADDRESS", { matchKey: "email" }),
  column("phone", "PHONE", { matchKey: "phone" }),
  column("street", "ADDRESS_STREET1", { matchKey: "street" }),
  column("city", "ADDRESS_CITY"),
  column("postcode", "ADDRESS_POSTALCODE", { matchKey: "postcode" }),
  column("device_id", "MAID", { matchKey: "device" }),
];

/** Twelve composite rules: whatever identifies, with something that a household does not share. */
const twelve = [
  "email+first",
  "email+dob",
  "phone+first",
  "phone+dob",
  "device+first",
  "device+dob",
  "first+last+postcode",
  "first+street+postcode",
  "first+last+dob",
  "first+last+street",
  "first+dob+postcode",
  "last+dob+postcode",
].map((name) => ({ name, matchKeys: name.split("+") }));

export const householdRules = rulesOf(person, twelve);
export const householdScores = rulesOf(person);
