import type { Random } from "./random";

export interface Device {
  readonly anonymousId: string;
  /** A household's tablet: several people use it, so it tells nobody apart. */
  readonly shared: boolean;
}

export interface Person {
  readonly id: number;
  readonly userId: string | null;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  readonly phone: string | null;
  readonly city: string;
  readonly country: string;
  readonly devices: readonly Device[];
  /** undefined: never asked. */
  readonly marketing: boolean | undefined;
}

const firstNames = [
  "Ada",
  "Ben",
  "Chloé",
  "Dmitri",
  "Esra",
  "Femi",
  "Grace",
  "Hugo",
  "Inés",
  "Jun",
  "Katarína",
  "Liam",
  "Mei",
  "Noah",
  "Olga",
  "Priya",
  "Quentin",
  "Rosa",
  "Sören",
  "Tara",
  "Umar",
  "Vera",
  "Wanjiru",
  "Xavier",
  "Yuki",
  "Zoë",
];
const lastNames = [
  "Abbott",
  "Bianchi",
  "Chen",
  "Dubois",
  "Eriksen",
  "Fischer",
  "García",
  "Haddad",
  "Ivanova",
  "Johnson",
  "Kowalski",
  "Lindqvist",
  "Mbeki",
  "Nguyen",
  "O'Brien",
  "Petrov",
  "Quinn",
  "Rossi",
  "Schmidt",
  "Tanaka",
  "Ueda",
  "Varga",
  "Williams",
  "Yilmaz",
  "Zhang",
];
const places = [
  ["London", "GB"],
  ["Paris", "FR"],
  ["Berlin", "DE"],
  ["Madrid", "ES"],
  ["Dublin", "IE"],
  ["Milano", "IT"],
  ["Boston", "US"],
  ["Austin", "US"],
] as const;
const mailHosts = ["example.com", "example.org", "mail.example.net"];

const ascii = (text: string) =>
  text
    .normalize("NFD")
    .replace(/[^A-Za-z]/g, "")
    .toLowerCase();

/** A population of households: shared surnames and places, and in some a tablet that everybody uses. */
export function makePeople(random: Random, count: number): Person[] {
  const people: Person[] = [];
  while (people.length < count) {
    const lastName = random.pick(lastNames);
    const [city, country] = random.pick(places);
    const size = Math.min(random.pick([1, 1, 2, 2, 3, 4]), count - people.length);
    const tablet: Device | undefined =
      size > 1 && random.chance(0.3) ? { anonymousId: random.uuid(), shared: true } : undefined;
    for (let member = 0; member < size; member++) {
      const id = people.length + 1;
      const firstName = random.pick(firstNames);
      const own = Array.from({ length: random.pick([1, 1, 2, 2, 3]) }, () => ({
        anonymousId: random.uuid(),
        shared: false,
      }));
      people.push({
        id,
        userId: random.chance(0.9) ? `u-${String(id).padStart(5, "0")}` : null,
        firstName,
        lastName,
        email: `${ascii(firstName)}.${ascii(lastName)}${id}@${random.pick(mailHosts)}`,
        phone: random.chance(0.6) ? `+4477009${String(id).padStart(5, "0")}` : null,
        city,
        country,
        devices: tablet ? [...own, tablet] : own,
        marketing: random.chance(0.75) ? random.chance(0.8) : undefined,
      });
    }
  }
  return people;
}
