/** An install record comes back whole, or is damaged, or a later version's; whatever it says, it leads nowhere else. */
import { formatRecord, type InstallRecord, parseRecord } from "../../../src/setup/record.ts";
import { type FuzzTarget, law, Pieces } from "../laws.ts";

function assertStaysInside(record: InstallRecord): void {
  for (const place of [...record.folders, ...record.files.map((file) => file.place)]) {
    law(!place.path.split(/[/\\]/).includes(".."), "a place outside the repository");
  }
  for (const name of Object.keys(record.runtime))
    law(!/^[/\\]|\.\.[/\\]/.test(name), "a runtime file outside its folder");
}

export const target: FuzzTarget = {
  maxLength: 600,
  run(data) {
    const pieces = new Pieces(data);
    if (pieces.byte() < 64) {
      const state = parseRecord(pieces.rest());
      if (state.kind === "read") assertStaysInside(state.record);
      return;
    }
    // What install could have written, with odd paths and bytes in it.
    const text = (): string => pieces.bytes(40).toString("utf8");
    const path = text();
    const record: InstallRecord = {
      schemaVersion: 1,
      version: "1.0.0",
      node: text(),
      local: pieces.byte() % 2 === 0,
      runtime: { "main.cjs": text() },
      files: [
        {
          place: { base: "worktree", worktree: pieces.byte() % 2 === 0 ? "" : "worktrees/x", path },
          before: pieces.byte() % 2 === 0 ? null : pieces.bytes(60).toString("base64"),
          beforeMode: pieces.byte(),
          after: text(),
          afterMode: 0o644,
          pad: text(),
        },
      ],
      config: null,
      folders: [],
      husky: false,
    };
    const bytes = formatRecord(record);
    const state = parseRecord(bytes);
    const leads = path.split(/[/\\]/).includes("..");
    law(state.kind === (leads ? "damaged" : "read"), "a record is not read as it was written");
    if (state.kind === "read") law(formatRecord(state.record).equals(bytes), "a record is changed by reading it");
    const changed = Buffer.from(bytes);
    const at = (pieces.byte() * 256 + pieces.byte()) % changed.length;
    changed[at] = changed[at]! ^ (1 << (pieces.byte() % 8));
    law(parseRecord(changed).kind !== "read", "a flipped bit goes unseen");
  },
};
