import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import type { ProfileItem } from "@tributary/model";
import { profileItemOf } from "@tributary/runtime";
import type { DynamoDBRecord } from "aws-lambda";
import type { ProfileChange } from "../domain/membership";

/** The change that a record of the profiles' stream tells. @throws where it is none */
export function changeOf({ dynamodb }: DynamoDBRecord): ProfileChange {
  const profileId = dynamodb?.Keys?.profileId?.S;
  if (profileId === undefined) throw new Error("the record has no key profileId");
  return { profileId, before: imageOf(dynamodb?.OldImage), after: imageOf(dynamodb?.NewImage) };
}

function imageOf(image: object | undefined): ProfileItem | undefined {
  if (image === undefined || Object.keys(image).length === 0) return undefined;
  const item = profileItemOf(image as Record<string, AttributeValue>);
  if (item.kind !== "profile" && item.kind !== "redirect")
    throw new Error("the item is neither a profile nor a redirect");
  return item;
}
