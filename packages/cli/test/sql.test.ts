import { csv, sqlCommand } from "../src/commands/sql";
import { UsageError } from "../src/errors";

describe("tributary sql", () => {
  it("prints CSV as spreadsheets read it", () => {
    expect(
      csv(
        ["a", "b"],
        [
          ["x", null],
          ['say "hi"', "1,5"],
          [["l"], "two\nlines"],
          [0, false],
        ],
      ),
    ).toBe('a,b\nx,\n"say ""hi""","1,5"\n"[""l""]","two\nlines"\n0,false');
  });

  it.each([
    [[], /Give a query/],
    [["select 1", "--file", "q.sql"], /not both/],
    [["--file", "/nowhere/q.sql"], /\/nowhere\/q\.sql cannot be read/],
  ])("refuses %j before anything is opened", async (args, reason) => {
    const command = sqlCommand().exitOverride();
    await expect(command.parseAsync(args, { from: "user" })).rejects.toThrow(UsageError);
    await expect(sqlCommand().parseAsync(args, { from: "user" })).rejects.toThrow(reason);
  });
});
