export { householdRecords, junkEmails, junkPhones, type PersonRecord, personColumns } from "./household";
export { writeHouseholds } from "./write";
