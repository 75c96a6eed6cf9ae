import CarinaRuntime
import Foundation

/// The directory beside the output that holds a preprocessing run until it is whole: `OUTPUT.partial`.
///
/// ```
/// OUTPUT.partial/
///   shards/             what becomes the output: finished shards, each renamed when it is whole
///   progress/
///     settings.json     what decides the bytes; a run goes on only with equal ones
///     000000.json …     a record of each finished shard, written when its file is on the disk
///     part-1.lock …     held by the process that does this part
///   previous/           what was at OUTPUT, for the moment of the exchange
/// ```
/// A shard counts as done when its record is there. The process that holds a part's lock owns every unfinished file of
/// the part's shards, so what a killed process left is removed without asking whether that process is alive.
final class PreprocessWorkspace {
  private let root: String
  private let output: String
  private let part: ShardPart
  private let splits: [String]?
  private let lock: FileLock
  private var finishedHere = Set<Int>()

  var shards: String { root + "/shards" }
  private var progress: String { root + "/progress" }
  private var settingsPath: String { progress + "/settings.json" }

  /// Opens or makes the workspace of an output and takes the lock of a part.
  /// - Parameters:
  ///   - settings: everything that decides the bytes, by name.
  ///   - splits: directories below the output; nil for none.
  /// - Throws: `CarinaError.usage` when the workspace belongs to another run or the part is being done, `.cannotWrite`.
  init(output: String, settings: [(name: String, value: String)], splits: [String]?, part: ShardPart) throws {
    (self.output, self.part, self.splits, root) = (output, part, splits, output + ".partial")
    try PreprocessWorkspace.requireOurs(root)
    try AtomicFile.makeDirectory(root + "/progress")
    lock = try FileLock(root + "/progress/part-\(part.number).lock") {
      throw CarinaError(
        .usage, "another process is writing " + (part.count > 1 ? "part \(part)" : "here"), at: output + ".partial",
        remedy: "Wait for its end, or stop it; what it finished is kept.")
    }
    PreprocessWorkspace.clearDone(output)
    do {
      try agree(on: settings)
    } catch {
      throw isLate && access(settingsPath, F_OK) != 0 ? OutputCheck.partIsLate(output) : error
    }
    if isLate {
      remove()
      throw OutputCheck.partIsLate(output)
    }
  }

  /// Whether another process has made the output whole since this one asked for it: nothing is done here then, and a
  /// part never begins beside an output.
  private var isLate: Bool {
    guard part.count > 1, access(output, F_OK) == 0 else { return false }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: progress)) ?? []
    return !names.contains { $0.hasSuffix(".json") && $0.first?.isNumber == true }
  }

  /// Makes the directories of the shards. Not before there is a shard to write: their absence says that they have been
  /// moved to the output.
  /// - Throws: `CarinaError.cannotWrite`.
  func prepare() throws {
    for directory in splits?.map({ shards + "/" + $0 }) ?? [shards] { try AtomicFile.makeDirectory(directory) }
  }

  /// Whether another process has moved the whole to the output meanwhile.
  var isPublished: Bool { access(settingsPath, F_OK) != 0 }

  /// Where a shard is written before it is finished.
  func unfinishedPath(_ block: ShardBlock) -> String { finishedPath(block) + ".partial" }

  private func finishedPath(_ block: ShardBlock) -> String {
    directory(block.split) + "/" + ShardFormat.fileName(block.number)
  }

  private func directory(_ split: Int) -> String { splits.map { shards + "/" + $0[split] } ?? shards }

  private func recordPath(_ block: ShardBlock) -> String {
    let digits = String(block.ordinal)
    return "\(progress)/\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits).json"
  }

  /// Whether a shard is done: its record is there.
  func isFinished(_ block: ShardBlock) -> Bool { access(recordPath(block), F_OK) == 0 }

  /// The record of a finished shard.
  /// - Throws: `CarinaError.badData` when it is not understood, or is none of this shard.
  func finished(_ block: ShardBlock) throws -> FinishedShard {
    let record = try FinishedShard(reading: recordPath(block))
    let found = (record.shard?.images ?? 0) + record.rejections.images
    guard found == block.images.count else {
      throw CarinaError(
        .badData, "the record of a finished shard does not agree with its images", at: recordPath(block),
        expected: "\(block.images.count) images stored or left out", found: "\(found)",
        remedy: "Remove it; the shard is then made again.")
    }
    return record
  }

  /// Refuses a finished shard of an earlier run or of another part that is not the file any more that was finished.
  /// - Throws: `CarinaError.badData`.
  func requireWhole(_ block: ShardBlock, _ record: FinishedShard) throws {
    guard let shard = record.shard, !finishedHere.contains(block.ordinal) else { return }
    let path = finishedPath(block)
    let found = access(path, F_OK) == 0 ? try SHA256Digest.ofFile(path) : "no file"
    guard found == shard.sha256 else {
      throw CarinaError(
        .badData, "a finished shard was damaged or removed", at: path, expected: "SHA-256 \(shard.sha256)",
        found: found, remedy: "Remove its record \(recordPath(block)) and run its part again.")
    }
  }

  /// Removes what an earlier process left of a shard that is not done.
  func clear(_ block: ShardBlock) {
    let path = finishedPath(block)
    for leftover in [path, path + ".partial", path + ".partial.grey"] { unlink(leftover) }
  }

  /// Gives a written shard its name and notes that it is done.
  /// - Throws: `CarinaError.cannotWrite`.
  func finish(_ block: ShardBlock, _ record: FinishedShard) throws {
    if record.shard != nil { try DiskSync.move(unfinishedPath(block), to: finishedPath(block)) }
    try AtomicFile.write(try record.text(), to: recordPath(block))
    finishedHere.insert(block.ordinal)
  }

  /// Removes everything, when nothing that is worth keeping was done.
  func remove() { try? FileManager.default.removeItem(atPath: root) }

  /// Moves the shards to the output, in place of whatever was there, once `complete` has added what readers expect.
  ///
  /// Several processes may come here at once, when they end together; one of them does the work.
  /// - Throws: what `complete` throws; `CarinaError.cannotWrite`.
  func publish(_ complete: (_ directory: (Int) -> String) throws -> Void) throws {
    let files = FileManager.default
    let gate = try? FileLock(progress + "/publish.lock") {}
    try withExtendedLifetime(gate) {
      // Another process was here first.
      guard !isPublished else { return }
      if files.fileExists(atPath: shards) {
        try complete(directory)
        for split in 0..<(splits?.count ?? 1) { try removeStrays(directory(split)) }
        let previous = root + "/previous"
        try? files.removeItem(atPath: previous)
        // A process that is killed between these two leaves everything here, and the next one comes to this line again.
        if files.fileExists(atPath: output) { try DiskSync.move(output, to: previous) }
        try DiskSync.tree(shards)
        try DiskSync.move(shards, to: output)
      }
      // Settings and records go in one step, so that nobody takes old records for those of a new run.
      PreprocessWorkspace.clearDone(output)
      try DiskSync.move(root, to: PreprocessWorkspace.donePath(output))
      PreprocessWorkspace.clearDone(output)
    }
  }

  private static func donePath(_ output: String) -> String { output + ".partial.done" }

  /// Removes what a process that was killed in its last moments left of the workspace of an output.
  static func clearDone(_ output: String) { try? FileManager.default.removeItem(atPath: donePath(output)) }

  /// Half-written files of processes that were killed.
  private func removeStrays(_ directory: String) throws {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    where name.hasSuffix(".partial") || name.hasSuffix(".grey") { unlink(directory + "/" + name) }
  }

  /// Writes the settings, or compares them with those of the run that is there.
  private func agree(on settings: [(name: String, value: String)]) throws {
    let document = JSONValue.object(JSONObject(settings.map { ($0.name, .string($0.value)) }))
    // A link is made by one process only, however many start together.
    let own = "\(settingsPath).\(part.number).new"
    try AtomicFile.write(try document.serialized(indented: true) + "\n", to: own)
    defer { unlink(own) }
    if link(own, settingsPath) == 0 { return }
    let reason = errno
    guard access(settingsPath, F_OK) == 0 else {
      throw WriteFailure.error(settingsPath, code: reason)
    }
    let found = try JSONValue.parseFile(settingsPath)
    let changes = settings.compactMap { name, value -> String? in
      let other = found[name]?.string ?? "nothing"
      return other == value ? nil : "\(name) \(other), now \(value)"
    }
    guard changes.isEmpty else {
      throw CarinaError(
        .usage, "an unfinished run of other options or inputs is there", at: root,
        found: changes.joined(separator: "; "),
        remedy: "Run it with its own options to finish it, or remove this directory to start afresh.")
    }
  }

  /// Refuses a directory of this name that no run has made.
  private static func requireOurs(_ root: String) throws {
    let files = FileManager.default
    guard files.fileExists(atPath: root) else { return }
    let contents = (try? files.contentsOfDirectory(atPath: root)) ?? [""]
    guard contents.allSatisfy({ ["shards", "progress", "previous"].contains($0) }) else {
      throw CarinaError(
        .usage, "exists and is no unfinished run", at: root,
        remedy: "Give another \(setting: .output), or move it away.")
    }
  }
}
