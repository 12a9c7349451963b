import type { ProfileIdentifier } from "@tributary/model";
import type { Person } from "./people";

export interface IdentityQuality {
  /** Of the pairs of identifiers that share a profile: the part that belongs to one person. */
  readonly precision: number;
  /** Of the pairs of identifiers of one person: the part that shares a profile. */
  readonly recall: number;
  readonly f1: number;
  /** Identifiers in the largest profile. */
  readonly largestProfile: number;
}

const pairs = (n: number) => (n * (n - 1)) / 2;

/** Who owns an identifier; what several people use (a household's tablet) or nobody owns is not in it. */
function owners(people: readonly Person[]): Map<string, number> {
  const result = new Map<string, number>();
  for (const person of people) {
    if (person.userId !== null) result.set(`user_id:${person.userId}`, person.id);
    result.set(`email:${person.email}`, person.id);
    if (person.phone !== null) result.set(`phone:${person.phone}`, person.id);
    for (const device of person.devices)
      if (!device.shared) result.set(`anonymous_id:${device.anonymousId}`, person.id);
  }
  return result;
}

/** Pairwise precision and recall of profiles over the identifiers whose one owner is known. */
export function identityQuality(
  people: readonly Person[],
  profiles: Iterable<readonly Pick<ProfileIdentifier, "type" | "value">[]>,
): IdentityQuality {
  const owner = owners(people);
  const perPerson = new Map<number, number>();
  let together = 0;
  let right = 0;
  let largestProfile = 0;
  for (const identifiers of profiles) {
    largestProfile = Math.max(largestProfile, identifiers.length);
    const within = new Map<number, number>();
    for (const { type, value } of identifiers) {
      const person = owner.get(`${type}:${value}`);
      if (person !== undefined) within.set(person, (within.get(person) ?? 0) + 1);
    }
    let known = 0;
    for (const [person, number] of within) {
      known += number;
      right += pairs(number);
      perPerson.set(person, (perPerson.get(person) ?? 0) + number);
    }
    together += pairs(known);
  }
  let same = 0;
  for (const number of perPerson.values()) same += pairs(number);
  const precision = together === 0 ? 1 : right / together;
  const recall = same === 0 ? 1 : right / same;
  return {
    precision,
    recall,
    f1: precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall),
    largestProfile,
  };
}
