import { type DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { dynamodb, type Item } from "@tributary/runtime";
import type { MembershipWrite } from "../domain/membership";

/** What a write changed. */
export type MembershipEffect = "entered" | "exited" | "unchanged";

/** The memberships table: who is in which audience, where audiences are of profiles alone (see `Standings` otherwise). */
export class Memberships {
  constructor(
    private readonly table: string,
    private readonly client: () => DynamoDBClient = dynamodb,
    private readonly now: () => number = Date.now,
  ) {}

  /** A change that is there already changes nothing: so entries and exits are counted once, however often they are told. */
  async write(write: MembershipWrite): Promise<MembershipEffect> {
    const steps = write.was === write.member ? [this.keep, this.move] : [this.move, this.keep];
    for (const step of steps) {
      const effect = await step.call(this, write);
      if (effect) return effect;
    }
    return "unchanged";
  }

  private async move({
    audience,
    profileId,
    member,
    reason,
    version,
  }: MembershipWrite): Promise<MembershipEffect | undefined> {
    const done = await this.update(audience, profileId, {
      UpdateExpression:
        "SET #member = :member, #version = :version, #at = :at, #reason = :reason, #sequence = if_not_exists(#sequence, :zero) + :one",
      ConditionExpression: `${member ? "attribute_not_exists(#member) OR " : ""}#member = :opposite`,
      ExpressionAttributeNames: {
        "#member": "member",
        "#version": "version",
        "#at": "at",
        "#reason": "reason",
        "#sequence": "sequence",
      },
      ExpressionAttributeValues: {
        ":member": { BOOL: member },
        ":opposite": { BOOL: !member },
        ":version": versionValue(version),
        ":at": { S: new Date(this.now()).toISOString() },
        ":reason": { S: reason },
        ":zero": { N: "0" },
        ":one": { N: "1" },
      },
    });
    if (!done) return undefined;
    return member ? "entered" : "exited";
  }

  /** The membership stays, the profile is another: its destinations are to look. */
  private async keep({ audience, profileId, member, version }: MembershipWrite): Promise<MembershipEffect | undefined> {
    const done = await this.update(audience, profileId, {
      UpdateExpression: "SET #version = :version",
      ConditionExpression: "#member = :member",
      ExpressionAttributeNames: { "#member": "member", "#version": "version" },
      ExpressionAttributeValues: { ":member": { BOOL: member }, ":version": versionValue(version) },
    });
    return done ? "unchanged" : undefined;
  }

  private async update(
    audience: string,
    profileId: string,
    change: {
      readonly UpdateExpression: string;
      readonly ConditionExpression: string;
      readonly ExpressionAttributeNames: Record<string, string>;
      readonly ExpressionAttributeValues: Item;
    },
  ): Promise<boolean> {
    const Key = { audience: { S: audience }, profileId: { S: profileId } };
    try {
      await this.client().send(new UpdateItemCommand({ TableName: this.table, Key, ...change }));
      return true;
    } catch (error) {
      if ((error as Error).name === "ConditionalCheckFailedException") return false;
      throw error;
    }
  }
}

function versionValue(version: string | null): Item[string] {
  return version === null ? { NULL: true } : { S: version };
}
