import { defineRules } from "../../src";

export const rules = defineRules({
  // The stream: what identifies a person in an event.
  identifiers: [
    { type: "user_id", selectors: ["userId"], limit: 1, priority: 1 },
    {
      type: "email",
      selectors: ["traits.email"],
      normalise: ["email", "gmail"],
      limit: 5,
      limitWithin: [{ days: 30, limit: 2 }],
      priority: 2,
      sharedAbove: 10,
      blocked: { patterns: ["^no-?reply@"] },
    },
    { type: "phone", selectors: ["traits.phone"], normalise: ["phone"], limit: 5, priority: 3, sharedAbove: 10 },
  ],
  defaultCountry: "US",

  // The batch: which records are one person's.
  matching: {
    attributes: [
      { column: "customer_id", type: "UNIQUE_ID", identifier: "user_id" },
      { column: "first_name", type: "NAME_FIRST", group: "name", matchKey: "name" },
      { column: "last_name", type: "NAME_LAST", group: "name", matchKey: "name" },
      { column: "email", type: "EMAIL_ADDRESS", matchKey: "email", identifier: "email" },
      { column: "mobile", type: "PHONE", matchKey: "phone", identifier: "phone" },
      { column: "born", type: "DATE", matchKey: "date of birth" },
      { column: "zip", type: "ADDRESS_POSTALCODE", matchKey: "zip" },
    ],
    rules: [
      { name: "e-mail and name", condition: "Exact(email) AND Levenshtein(name, 2)" },
      { name: "phone and birth", condition: 'Exact(phone) AND Exact("date of birth")' },
      {
        name: "name, birth and place",
        condition: '(Exact(name) OR Soundex(name)) AND Exact("date of birth") AND Exact(zip)',
      },
    ],
    constraints: {
      limits: [{ matchKey: "date of birth", limit: 1 }],
      veto: [{ attribute: "born", above: 0.5 }],
      cannotLink: [["C-1007", "C-2311"]],
    },
  },
});
