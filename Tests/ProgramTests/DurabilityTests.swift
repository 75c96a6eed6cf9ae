import Carina
import Foundation
import TestSupport
import Testing

/// The order in which programs bring to the disk what they write, from a trace of their system calls.
@Suite("On the disk before it is relied on") struct DurabilityTests {
  private static let strace = "/usr/bin/strace"
  private static let hasStrace = FileManager.default.isExecutableFile(atPath: strace)

  private enum Event {
    case sync(String)
    case name(String, from: String)
    case removal(String)
  }

  private func events(_ trace: String) throws -> [Event] {
    // A program may be given a path with two slashes, of which the system shows one.
    let text = try String(contentsOfFile: trace, encoding: .utf8).replacingOccurrences(of: "//", with: "/")
    return text.split(separator: "\n").compactMap { line in
      let paths = line.split(separator: "\"").enumerated().compactMap { $0.offset % 2 == 1 ? String($0.element) : nil }
      guard !line.contains(" = -1 ") else { return nil }
      if line.contains("fsync("), let start = line.firstIndex(of: "<"), let end = line.lastIndex(of: ">") {
        return .sync(String(line[line.index(after: start)..<end]))
      }
      if line.contains("rename"), paths.count == 2 { return .name(paths[1], from: paths[0]) }
      if line.contains("unlink") || line.contains("rmdir"), let path = paths.first { return .removal(path) }
      return nil
    }
  }

  /// Final names that are given before the content is on the disk, and what follows before such a name is on the disk.
  private func problems(_ events: [Event], below root: String) -> (names: [String], problems: [String]) {
    var (synced, waiting, problems, names) = (Set<String>(), [String](), [String](), [String]())
    func relies(_ what: String) {
      problems += waiting.map { "\(what), and the name of \($0) is not on the disk" }
      waiting = []
    }
    for event in events {
      switch event {
      case .sync(let path):
        synced.insert(path)
        waiting.removeAll { FileName.directory(of: $0) == path }
      case .name(let target, let source):
        guard target.hasPrefix(root), !target.contains(".partial"), !target.hasSuffix(".previous") else { continue }
        if !synced.contains(source) { problems.append("\(target) is not on the disk when it gets its name") }
        relies("\(target) gets its name")
        waiting.append(target)
        names.append(target)
      case .removal(let path):
        if path.hasPrefix(root), !path.contains(".partial") { relies("\(path) is removed") }
      }
    }
    relies("the program ends")
    return (names, problems)
  }

  private func trace(_ directory: TemporaryDirectory) -> (path: String, prefix: String) {
    let path = directory.file("trace"), calls = "fsync,rename,renameat,renameat2,unlink,unlinkat,rmdir"
    return (path, "\(Self.strace) -f -qq -y -s 4096 -e trace=\(calls) -o '\(path)' \"$0\" \"$@\"; exit $?;")
  }

  @Test(
    "checkpoints, models, records, features and shards are synced, then named, then their directory is synced",
    .enabled(if: hasStrace, "strace is not installed"))
  func order() throws {
    let world = try TrainingWorld.shared(), run = try TrainingOutput()
    let (path, prefix) = trace(run.directory)
    func plain(_ path: String) -> String { path.replacingOccurrences(of: "//", with: "/") }
    let root = plain(run.directory.path)
    let trained = try world.train(
      stage: 2, output: run.path,
      [
        "--batch-size", "6", "--gradient-accumulation-steps", "1", "--num-epochs", "2", "--save-every-n-steps", "2",
        "--val-shards", world.heldOut, "--cache-vision-features", run.directory.file("deep/features.h5"),
      ], shellPrefix: prefix)
    try #require(trained.exitCode == 0, "\(trained.errors)")
    let training = try events(path), found = problems(training, below: root)
    #expect(found.names.count > 10 && found.problems.isEmpty, "\(found)")
    // A checkpoint says how long the log is.
    var isLogSynced = false, checkpoints = 0
    for event in training {
      switch event {
      case .sync(let path): isLogSynced = isLogSynced || path == plain(run.file("train_log.jsonl"))
      case .name(let target, _)
      where target.hasPrefix(plain(run.file("checkpoints/step-"))) && !target.contains(".partial"):
        #expect(isLogSynced, "\(target)")
        isLogSynced = false
        checkpoints += 1
      default: break
      }
    }
    #expect(checkpoints >= 4)

    let shards = try ProgramRun(
      "preprocess",
      [
        "--json", "\(world.archive)/stage2_train.json", "--image-root", world.archive, "--output",
        run.directory.file("new/shards"), "--image-size", "32", "--shard-size", "6",
      ], shellPrefix: prefix)
    try #require(shards.exitCode == 0, "\(shards.errors)")
    let preprocessing = problems(try events(path), below: root)
    #expect(
      preprocessing.names == [root + "/new/shards"] && preprocessing.problems.isEmpty, "\(preprocessing)")
  }

  @Test("what killed processes left in an output is gone after the next run, in every program")
  func leftovers() throws {
    let world = try TrainingWorld.shared(), run = try TrainingOutput()
    let dead = try ProgramRun("infer", ["--version"]).processID
    let files = FileManager.default
    func leave(_ names: [String], in directory: String) throws {
      for name in names { try AtomicFile.write("half", to: "\(directory)/\(name)") }
    }
    func left(in directory: String) throws -> [String] {
      try files.subpathsOfDirectory(atPath: directory).filter { $0.contains("partial") }.sorted()
    }
    let features = run.directory.file("kept/features.h5")
    try leave(["features.h5.\(dead).partial"], in: run.directory.file("kept"))
    try leave(["final_model.\(dead).partial/a", "run.json.\(dead).partial"], in: run.path)
    let trained = try world.train(
      stage: 1, output: run.path, ["--batch-size", "6", "--cache-vision-features", features])
    #expect(trained.exitCode == 0, "\(trained.errors)")
    #expect(try left(in: run.directory.path) == [])

    let answers = run.directory.file("answers.jsonl"), scored = run.directory.file("scored")
    try AtomicFile.write(#"{"id": "1", "prediction": "yes", "reference": "yes"}"# + "\n", to: answers)
    let names = ["metrics.json", "report.html"]
    try leave(names.map { "\($0).\(dead).partial" } + ["mine.1.txt"], in: scored)
    let evaluated = try ProgramRun("evaluate", ["--predictions", answers, "--output-dir", scored])
    #expect(evaluated.exitCode == 0, "\(evaluated.errors)")
    #expect(try left(in: scored) == [] && files.fileExists(atPath: scored + "/mine.1.txt"))

    let page = run.directory.file("page")
    try leave(["inspection.html.\(dead).partial", "contact-sheet.png.\(dead).partial"], in: page)
    let inspected = try ProgramRun("preprocess", ["inspect", world.questions, "--output", page])
    #expect(inspected.exitCode == 0, "\(inspected.errors)")
    #expect(try left(in: page) == [])

    let shards = run.directory.file("shards")
    try files.copyItem(atPath: world.questions, toPath: shards)
    try leave(["progress/000000.json"], in: shards + ".partial.done")
    let part = try ProgramRun(
      "preprocess",
      [
        "--json", "\(world.archive)/stage2_train.json", "--image-root", world.archive, "--output", shards,
        "--image-size", "32", "--part", "1/2",
      ])
    #expect(part.exitCode == 64, "\(part.errors)")
    #expect(!files.fileExists(atPath: shards + ".partial.done"))
  }
}
