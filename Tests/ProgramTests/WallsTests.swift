import Foundation
import TestSupport
import Testing

/// Runs `lint-walls.sh` on little trees of sources: a checker that has never failed checks nothing.
@Suite struct WallsTests {
  private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("lint-walls.sh").path

  private func check(_ files: [String: String]) throws -> (status: Int32, lines: [String]) {
    let root = try TemporaryDirectory()
    for (name, text) in files.merging(["Sources/Engine/A.swift": "struct A {}\n"], uniquingKeysWith: { a, _ in a }) {
      let url = URL(fileURLWithPath: root.file(name))
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    let process = Process(), output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [Self.script, root.path]
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: printed, as: UTF8.self).split(separator: "\n").map(String.init))
  }

  @Test("a tree within the walls passes, whatever its comments and strings speak of")
  func clean() throws {
    let talk = """
      // try! as! fatalError()
      let plain = "try! \\" as! B", other = fatalErrors(1)
      let entry = bias!
      // "--learning-rate"
      let hub = "models--acme--tiny"

      """
    let result = try check(["Sources/CarinaRuntime/Talk.swift": talk])
    #expect(result.lines.isEmpty)
    #expect(result.status == 0)
  }

  @Test(
    "each wall is named with file and line where it is broken",
    arguments: [
      ("Sources/infer/A.swift", "\nlet a = try! b()\n", ":2:", "no try!"),
      ("Sources/infer/A.swift", "let a = b as! C\n", ":1:", "no as!"),
      ("Sources/infer/A.swift", "func a() { fatalError() }\n", ":1:", "no fatalError"),
      ("Sources/CarinaData/A.swift", "let a = Date()\n", ":1:", "no time of day"),
      ("Sources/infer/A.swift", "\nlet a = b.timeIntervalSince(c)\n", ":2:", "no time of day"),
      ("Sources/CarinaData/A.swift", "let a = (b as NSString).deletingLastPathComponent\n", ":1:", "ends the process"),
      ("Sources/CarinaData/A.swift", "\nlet a = \"Lower --learning-rate.\"\n", ":2:", "no --option"),
      ("Sources/CarinaData/A.swift", "let a = \"--learning-rate\"\n", ":1:", "no --option"),
      ("Sources/CarinaData/Records/A.swift", "let a: [String: Int] = [:]\n", ":1:", "keyed by ExactText"),
      ("Sources/CarinaEngine/Evaluation/A.swift", "\nlet a = Set<String>()\n", ":2:", "keyed by ExactText"),
      ("Tests/Helpers/A.swift", "struct A {}\n", ":", "no folder of this name"),
    ])
  func offence(file: String, text: String, line: String, wall: String) throws {
    let result = try check([file: text])
    #expect(result.status == 1)
    let start = wall == "no folder of this name" ? "Tests/Helpers:" : file + line
    #expect(result.lines.contains { $0.hasPrefix(start) && $0.contains(wall) }, "\(result.lines)")
    #expect(result.lines.count == 1, "\(result.lines)")
  }

  @Test(
    "a type lies in the file of its name, unless it is short or private",
    arguments: [
      ("A.swift", "struct A {\n}\n\npublic enum Long {\n\(filler)}\n", ":4: Long has more than 20 lines"),
      ("A.swift", "struct A {\n}\n\nprivate enum Long {\n\(filler)}\n\nenum Short {}\n", ""),
      ("A+Parts.swift", "extension A {\n\(filler)}\n", ""),
      ("Parts.swift", "extension A {\n\(filler)}\n", ":1: a file that extends A alone is named A+Capability.swift"),
      ("Parts.swift", "package final class B {}\n", ":1: B lies in a file that is named for none of its types"),
      ("Parts.swift", "struct Sums {}\n\nfunc parts() -> Sums { Sums() }\n", ""),
    ])
  func names(file: String, text: String, offence: String) throws {
    let lines = try check(["Sources/Room/\(file)": text]).lines
    #expect(lines.count == (offence.isEmpty ? 0 : 1), "\(lines)")
    #expect(lines.allSatisfy { $0.hasPrefix("Sources/Room/\(file)\(offence)") }, "\(lines)")
  }

  private static let filler = String(repeating: "  // one more line\n", count: 20)

  @Test("a folder may hold 26 files and not one more")
  func crowded() throws {
    let files = Dictionary(uniqueKeysWithValues: (0..<26).map { ("Sources/Room/F\($0).swift", "struct F\($0) {}\n") })
    #expect(try check(files).status == 0)
    let crowded = try check(files.merging(["Sources/Room/G.swift": "struct G {}\n"]) { a, _ in a })
    #expect(crowded.status == 1)
    #expect(crowded.lines.count == 1 && crowded.lines[0].hasPrefix("Sources/Room: 27 files"), "\(crowded.lines)")
  }

  @Test("a file may have 400 lines and not one more")
  func long() throws {
    let text = String(repeating: "// line\n", count: 400)
    #expect(try check(["Sources/CKernels/a.c": text]).status == 0)
    let longer = try check(["Sources/CKernels/a.c": text + "\n"])
    #expect(longer.status == 1)
    #expect(longer.lines.count == 1 && longer.lines[0].hasPrefix("Sources/CKernels/a.c:401:"), "\(longer.lines)")
  }

  @Test("without an engine it fails instead of finding nothing")
  func empty() throws {
    let root = try TemporaryDirectory()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [Self.script, root.path]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 1)
  }
}
