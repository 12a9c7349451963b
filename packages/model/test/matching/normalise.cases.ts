import type { AttributeType } from "../../src";
import type { Source } from "./sources";

export interface NormaliseCase {
  readonly source: Source;
  readonly by: "aws-glossary" | "aws-sample" | "ml";
  readonly type: AttributeType;
  readonly value: string;
  readonly gives: string;
  readonly country?: string;
  readonly grouped?: boolean;
  readonly hashed?: boolean;
}

type Row = [value: string, gives: string, options?: Partial<NormaliseCase>];

const cases = (
  source: Source,
  by: NormaliseCase["by"],
  type: AttributeType,
  rows: readonly Row[],
): readonly NormaliseCase[] => rows.map(([value, gives, options]) => ({ source, by, type, value, gives, ...options }));

const grouped = { grouped: true };
const open = { source: "undocumented" } as const;

export const normaliseCases: readonly NormaliseCase[] = [
  // NAME: TRIM, LOWERCASE, CONVERT_ACCENT, REMOVE_ALL_NON_ALPHA, by both sources.
  ...cases("glossary", "aws-glossary", "NAME", [
    ["John", "john"],
    ["  John ", "john"],
    ["John Smith", "johnsmith"],
    ["JOHN SMITH", "johnsmith"],
    ["José García", "josegarcia"],
    ["Zoë Brontë", "zoebronte"],
    ["O'Brien", "obrien"],
    ["Smith-Jones", "smithjones"],
    ["Smith, Jr.", "smithjr"],
    ["John 2nd", "johnnd"],
    ["Łukasz", "ukasz", open],
    ["Åsa", "asa", open],
    ["Мария", "", open],
    ["", ""],
    ["   ", ""],
  ]),
  ...cases("sample", "aws-sample", "NAME", [
    ["  First1", "first"],
    [" Last1", "last"],
    ["José García", "josegarcia"],
    ["Åsa", "aasa"],
    ["Jürgen", "jurgen"],
  ]),
  ...cases("glossary", "ml", "NAME", [
    ["Johns Smith", "johns smith"],
    ["  JOHN  ", "john"],
    ["José O'Brien", "josé o'brien"],
    ["John 2nd", "john 2nd"],
  ]),
  // Sub-types of a name are normalised where they are grouped, and else not.
  ...cases("glossary", "aws-glossary", "NAME_FIRST", [
    [" John ", " John "],
    [" John ", "john", grouped],
  ]),
  ...cases("glossary", "aws-glossary", "NAME_LAST", [
    ["O'Brien", "O'Brien"],
    ["O'Brien", "obrien", grouped],
  ]),
  ...cases("glossary", "aws-glossary", "NAME_MIDDLE", [
    ["J.", "J."],
    ["J.", "j", grouped],
  ]),
  ...cases("sample", "aws-sample", "NAME_FIRST", [["  First1", "first", grouped]]),

  // EMAIL: the glossary drops dots and +, whatever the provider; the sample reads brackets, blanks and (at).
  ...cases("glossary", "aws-glossary", "EMAIL_ADDRESS", [
    ["  Tumble@Tumble.com ", "tumble@tumble.com"],
    ["john.doe@example.com", "johndoe@example.com"],
    ["john+news@example.com", "john@example.com"],
    ["j.o.h.n+a+b@gmail.com", "john@gmail.com"],
    ["jóhn@example.com", "john@example.com"],
    ["john_doe@example.com", "johndoe@example.com"],
    ["john-doe@my-shop.co.uk", "john-doe@my-shop.co.uk"],
    ["john!doe@example.com", "johndoe@example.com"],
    ["John <john@example.com>", "johnjohn@example.com", open],
    ["john(at)example.com", "johnatexample.com", open],
    ["john@googlemail.com", "john@gmail.com", open],
    ["no address", "noaddress", open],
    ["", ""],
  ]),
  ...cases("sample", "aws-sample", "EMAIL_ADDRESS", [
    ["  Tumble@tumble.com ", "tumble@tumble.com"],
    ["john.doe@example.com", "john.doe@example.com"],
    ["john+news@example.com", "johnnews@example.com"],
    ["john_doe@example.com", "john_doe@example.com"],
    ["John <John@Example.com>", "john@example.com"],
    ["a <b@c.de> <f@g.hi>", "b@c.de"],
    ["john(at)example.com", "john@example.com"],
    ["john(AT)example.com", "john@example.com"],
    ["john @ example.com", "john@example.com"],
    ["jóhn@example.com", "john@example.com"],
    ["john@googlemail.com", "john@googlemail.com"],
  ]),
  ...cases("glossary", "ml", "EMAIL_ADDRESS", [
    [" John @Example.com ", "john@example.com"],
    ["john(at)example.com", "john@example.com"],
    ["John Doe <John@Example.com>", "john@example.com"],
    ["a <b@c.de> <f@g.hi>", "b@c.de"],
    ["john.doe+x@example.com", "john.doe+x@example.com"],
    // "Lowercases", and "(at) (case sensitive)": in this order the case says nothing.
    ["john(AT)example.com", "john@example.com", open],
  ]),

  // PHONE. The glossary's own example; the API reference claims (123)-456-7890 for the same number.
  ...cases("glossary", "aws-glossary", "PHONE", [
    ["(123) 456-7890", "1234567890"],
    ["(123) 456-7890", "1234567890", { country: "US" }],
    ["  123.456.7890 ", "1234567890"],
    ["0123 456789", "123456789"],
    ["0049 30 123456", "4930123456"],
    ["+49 (0)30 123456", "49030123456"],
    ["abc", ""],
    ["000", ""],
    ["(206) 345-7890", "2063457890"],
    // ENSURE_PREFIX_WITH_MAP is documented, the map and where it takes the country from are not.
    ["(206) 345-7890", "12063457890", { country: "US", ...open }],
    ["1 206 345 7890", "12063457890", { country: "us", ...open }],
    ["030 123456", "4930123456", { country: "DE", ...open }],
    ["030 123456", "4930123456", { country: "Germany", ...open }],
    ["020 7946 0018", "442079460018", { country: "United Kingdom", ...open }],
    ["030 123456", "30123456", { country: "AT", ...open }],
    ["", ""],
    ["", "", { country: "US" }],
  ]),
  ...cases("sample", "aws-sample", "PHONE", [
    [" 1-888-123-4567  ", "18881234567", { country: "US" }],
    ["+1 (206) 345-7890", "12063457890", { country: "US" }],
    ["+1 (206) 345-7890", "2063457890"],
    ["+1206.345.7890", "2063457890"],
    ["(206) 345-7890", "2063457890"],
    ["abc206-345-7890..", "2063457890"],
    ["206 345 7890", "12063457890", { country: "us" }],
    ["030 123456", "4930123456", { country: "de" }],
    ["000", "000"],
  ]),
  ...cases("glossary", "ml", "PHONE", [
    [" (123) 456-7890 ", "1234567890"],
    ["0123", "123"],
    ["030 1234", "49301234", { country: "de", ...open }],
  ]),
  ...cases("glossary", "aws-glossary", "PHONE_NUMBER", [
    ["(123) 456-7890", "(123) 456-7890"],
    ["(123) 456-7890", "1234567890", grouped],
  ]),
  ...cases("glossary", "aws-glossary", "PHONE_COUNTRYCODE", [["+1", "+1"]]),

  // ADDRESS. In the glossary's order what is no letter goes first: house numbers are lost, and no word is left to rename.
  ...cases("glossary", "aws-glossary", "ADDRESS", [
    ["Street", "st"],
    [" AVENUE ", "ave"],
    ["Parkways", "pkwy"],
    ["Northeast", "ne"],
    ["Numero", "number"],
    ["123 Main Street", "mainstreet", open],
    ["1 Main St. #5", "mainst", open],
    ["Königstraße", "konigstrae", open],
    ["", ""],
  ]),
  ...cases("sample", "aws-sample", "ADDRESS", [
    ["  address1", "address1"],
    ["123 Main Street", "123mainst"],
    ["123 Main St", "123mainst"],
    ["123 Main St.", "123mainst"],
    ["123 main street, north", "123mainstn"],
    ["5 Park-Avenue", "5parkave"],
    ["5 Parkways #7", "5pkwynumber7"],
    ["5 Oak Lane No 7", "5oaklnnumber7"],
    ["Königstraße 1", "koenigstrasse1"],
    ["Rue de l'Été 3", "ruedelete3"],
    ["Åvägen 1", "aavaegen1"],
    ["Str. 5", "strasse5"],
    ["[1] Main/Square", "1mainsq"],
  ]),
  ...cases("sample", "aws-sample", "ADDRESS_CITY", [
    ["  City1", "city1", grouped],
    ["São Paulo", "saopaulo", grouped],
  ]),
  ...cases("sample", "aws-sample", "ADDRESS_STATE", [
    ["  AlabaMA  ", "al", grouped],
    ["New York", "ny", grouped],
    ["NY", "ny", grouped],
  ]),
  ...cases("sample", "aws-sample", "ADDRESS_COUNTRY", [
    ["  US", "us", grouped],
    ["United States of America", "us", grouped],
    ["Österreich", "osterreich", grouped],
  ]),
  ...cases("sample", "aws-sample", "ADDRESS_POSTALCODE", [
    [" 12345  ", "12345", grouped],
    ["12345-6789", "12345", grouped],
    ["SW1A 1AA", "sw1a1aa", grouped],
  ]),
  ...cases("glossary", "aws-glossary", "ADDRESS_CITY", [["São Paulo", "São Paulo"]]),
  ...cases("glossary", "ml", "ADDRESS", [["123 Main Street", "123 Main Street"]]),

  // Hashed values and unique ids are trimmed; other types are carried as they are.
  ...cases("glossary", "aws-glossary", "EMAIL_ADDRESS", [[" AB.C+d ", "AB.C+d", { hashed: true }]]),
  ...cases("glossary", "aws-glossary", "PHONE", [[" 00aB ", "00aB", { hashed: true }]]),
  ...cases("sample", "aws-sample", "NAME", [[" Ab Cd ", "Ab Cd", { hashed: true }]]),
  ...cases("glossary", "aws-glossary", "UNIQUE_ID", [[" A-1 ", "A-1"]]),
  ...cases("glossary", "aws-glossary", "DATE", [[" 1990-01-02 ", " 1990-01-02 "]]),
  ...cases("glossary", "aws-sample", "STRING", [[" Any Thing ", " Any Thing "]]),
  ...cases("glossary", "aws-glossary", "MAID", [["AAAA-bbbb", "AAAA-bbbb"]]),
  ...cases("glossary", "aws-glossary", "IPV4", [["10.0.0.1", "10.0.0.1"]]),
];
