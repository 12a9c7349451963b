import { type DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { dynamodb } from "@tributary/runtime";
import type { MembershipWrite } from "../domain/membership";

/** What a write changed. */
export type MembershipEffect = "entered" | "exited" | "unchanged";

/** The memberships table: who is in which audience. */
export class Memberships {
  constructor(
    private readonly table: string,
    private readonly client: () => DynamoDBClient = dynamodb,
  ) {}

  async write({ audience, profileId, member, version }: MembershipWrite): Promise<MembershipEffect> {
    const { Attributes } = await this.client().send(
      new UpdateItemCommand({
        TableName: this.table,
        Key: { audience: { S: audience }, profileId: { S: profileId } },
        UpdateExpression: "SET #member = :member, #version = :version",
        ExpressionAttributeNames: { "#member": "member", "#version": "version" },
        ExpressionAttributeValues: {
          ":member": { BOOL: member },
          ":version": version === null ? { NULL: true } : { S: version },
        },
        ReturnValues: "UPDATED_OLD",
      }),
    );
    const was = Attributes?.member?.BOOL === true;
    if (was === member) return "unchanged";
    return member ? "entered" : "exited";
  }
}
