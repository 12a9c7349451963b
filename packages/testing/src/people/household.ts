import { cities, firstNames, streets, surnames } from "./names";
import { Random } from "./random";

/** A record of somebody, as a shop or a service would have it: text, empty where it is not known. */
export interface PersonRecord {
  readonly record_id: string;
  readonly first_name: string;
  readonly last_name: string;
  readonly dob: string;
  readonly email: string;
  readonly phone: string;
  readonly street: string;
  readonly city: string;
  readonly postcode: string;
  readonly device_id: string;
  /** The truth: who it is. */
  readonly person: string;
}

export const personColumns = [
  "record_id",
  "first_name",
  "last_name",
  "dob",
  "email",
  "phone",
  "street",
  "city",
  "postcode",
  "device_id",
  "person",
] as const satisfies readonly (keyof PersonRecord)[];

/** Values that people type who do not want to give theirs. */
export const junkEmails: readonly string[] = [
  "test@test.com",
  "noemail@none.com",
  "asdf@asdf.com",
  "info@shop.example",
];
export const junkPhones: readonly string[] = ["07000000000", "07123456789", "07777777777"];

interface Address {
  readonly street: string;
  readonly city: string;
  readonly postcode: string;
}

interface Person {
  readonly number: number;
  readonly names: readonly string[];
  readonly surname: string;
  readonly laterSurname: string;
  readonly dob: string;
  readonly emails: readonly string[];
  readonly phone: string;
  readonly address: Address;
  readonly laterAddress: Address;
  readonly devices: readonly string[];
}

const domains = [
  "gmail.com",
  "hotmail.com",
  "yahoo.com",
  "outlook.com",
  "icloud.com",
  "btinternet.com",
  "mail.example",
];
const letters = "abcdefghijklmnopqrstuvwxyz";

/**
 * Records of people in households: about 2.5 a person; 35 % of people share surname and address with the one before, some
 * also phone, e-mail or device. With movers, changed names, short forms, slips of the pen, 35 to 40 % of e-mails, phones
 * and birthdays missing, e-mails in mixed case and with tags, phones in several formats, and 0.2 % junk e-mails and phones.
 */
export function* householdRecords(records: number, seed: number): Generator<PersonRecord> {
  const random = new Random(seed);
  // Ids say nothing about the person: an odd factor permutes the numbers below 2^32.
  const factor = (random.below(2 ** 31) * 2 + 1) >>> 0;
  let previous: Person | undefined;
  let made = 0;
  for (let number = 0; made < records; number++) {
    const person = somebody(random, number, previous);
    previous = person;
    const count = Math.min(records - made, 1 + random.geometric(0.6, 12));
    for (let at = 0; at < count; at++) {
      const id = (Math.imul(made++, factor) >>> 0).toString(36).padStart(7, "0");
      yield recordOf(random, person, id, count === 1 ? 0 : at / (count - 1));
    }
  }
}

function somebody(random: Random, number: number, previous: Person | undefined): Person {
  const kin = previous !== undefined && random.chance(0.35) ? previous : undefined;
  const names = firstNames[random.zipf(firstNames.length, 10)] as readonly string[];
  const surname = kin?.surname ?? (surnames[random.zipf(surnames.length, 20)] as string);
  const laterSurname = random.chance(0.07) ? (surnames[random.zipf(surnames.length, 20)] as string) : surname;
  const address = kin?.address ?? newAddress(random);
  const laterAddress = random.chance(0.18) ? newAddress(random) : address;
  const emails =
    kin && random.chance(0.15)
      ? kin.emails
      : Array.from({ length: 1 + random.geometric(0.25, 2) }, () =>
          newEmail(random, names[0] as string, surname, number),
        );
  const phone = kin && random.chance(0.3) ? kin.phone : `07${String(100_000_000 + random.below(899_999_999))}`;
  const devices =
    kin && random.chance(0.1)
      ? kin.devices
      : Array.from({ length: 1 + random.geometric(0.4, 3) }, () => newDevice(random));
  const dob = `${1935 + random.below(72)}-${twoDigits(1 + random.below(12))}-${twoDigits(1 + random.below(28))}`;
  return { number, names, surname, laterSurname, dob, emails, phone, address, laterAddress, devices };
}

/** @param time - 0 for a person's first record, 1 for the last: who has moved or married has done so by then */
function recordOf(random: Random, person: Person, id: string, time: number): PersonRecord {
  const later = time > 0.5;
  const { street, city, postcode } = later ? person.laterAddress : person.address;
  const [full = "", ...short] = person.names;
  const first = short.length > 0 && random.chance(0.15) ? random.pick(short) : full;
  return {
    record_id: id,
    first_name: random.chance(0.01) ? `${first.charAt(0)}.` : slip(random, first, 0.03),
    last_name: slip(random, later ? person.laterSurname : person.surname, 0.03),
    dob: random.chance(0.37) ? "" : birthday(random, person.dob),
    email: random.chance(0.38) ? "" : email(random, random.pick(person.emails)),
    phone: random.chance(0.36) ? "" : phone(random, person.phone),
    street: random.chance(0.1) ? "" : slip(random, street, 0.04),
    city: slip(random, city, 0.02),
    postcode: random.chance(0.08) ? "" : postcode,
    device_id: random.chance(0.45) ? "" : random.pick(person.devices),
    person: String(person.number),
  };
}

function newAddress(random: Random): Address {
  const city = random.zipf(cities.length, 10);
  const kind = random.pick(["Street", "Road", "Avenue", "Lane", "Close"]);
  const postcode = `${String.fromCharCode(65 + (city % 26))}${10 + Math.floor(city / 26)} ${random.below(10)}${letters.charAt(random.below(20)).toUpperCase()}${letters.charAt(random.below(20)).toUpperCase()}`;
  return { street: `${1 + random.below(180)} ${random.pick(streets)} ${kind}`, city: cities[city] as string, postcode };
}

/** An address is one person's (or household's) alone, so it carries their number. */
function newEmail(random: Random, first: string, last: string, number: number): string {
  const [a, b] = [plain(first), plain(last)];
  const tail = number.toString(random.chance(0.5) ? 10 : 36);
  const user = random.pick([`${a}.${b}${tail}`, `${a}${tail}`, `${a.charAt(0)}${b}${tail}`, `${b}.${a}${tail}`]);
  return `${user}@${domains[random.zipf(domains.length, 1)]}`;
}

const newDevice = (random: Random): string =>
  `${random
    .below(2 ** 32)
    .toString(16)
    .padStart(8, "0")}${random
    .below(2 ** 32)
    .toString(16)
    .padStart(8, "0")}`;

function email(random: Random, address: string): string {
  if (random.chance(0.002 / 0.62)) return random.pick(junkEmails);
  if (random.chance(0.06)) return address.replace("@", `+${random.pick(["shop", "news", "promo"])}@`);
  if (random.chance(0.1))
    return random.chance(0.5) ? address.toUpperCase() : address.charAt(0).toUpperCase() + address.slice(1);
  return slip(random, address, 0.01);
}

function phone(random: Random, number: string): string {
  if (random.chance(0.002 / 0.64)) return random.pick(junkPhones);
  const rest = number.slice(1);
  switch (random.below(5)) {
    case 0:
      return `+44${rest}`;
    case 1:
      return `+44 ${rest.slice(0, 4)} ${rest.slice(4)}`;
    case 2:
      return `${number.slice(0, 5)} ${number.slice(5)}`;
    case 3:
      return `(${number.slice(0, 5)}) ${number.slice(5, 8)}-${number.slice(8)}`;
    default:
      return number;
  }
}

function birthday(random: Random, dob: string): string {
  if (!random.chance(0.025)) return dob;
  const [year = "", month = "", day = ""] = dob.split("-");
  if (random.chance(0.3) && Number(day) <= 12) return `${year}-${day}-${month}`;
  if (random.chance(0.5)) return `${year}-${month}-${twoDigits(1 + random.below(28))}`;
  return `${1935 + random.below(72)}-${month}-${day}`;
}

/** One slip of the pen with a probability: a letter left out, doubled, swapped with its neighbour or replaced. */
function slip(random: Random, text: string, probability: number): string {
  if (text.length < 3 || !random.chance(probability)) return text;
  const at = 1 + random.below(text.length - 2);
  const letter = text.charAt(at);
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + letter + text.slice(at);
    case 2:
      return text.slice(0, at) + text.charAt(at + 1) + letter + text.slice(at + 2);
    default:
      return text.slice(0, at) + random.pick([...letters]) + text.slice(at + 1);
  }
}

const plain = (name: string): string =>
  name
    .toLowerCase()
    .normalize("NFD")
    .replace(/[^a-z]/g, "");

const twoDigits = (number: number): string => String(number).padStart(2, "0");
