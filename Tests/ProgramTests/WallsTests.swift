import Foundation
import TestSupport
import Testing

/// Runs `lint-walls.sh` on little trees of sources: a checker that has never failed checks nothing.
@Suite struct WallsTests {
  private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("lint-walls.sh").path

  /// What each room declares in the trees.
  private static let engine = [
    "Sources/Carina/Tensor/Linear.swift": "import CKernels\npublic func linear(_ x: Float) -> Float { x }\n",
    "Sources/Carina/Text/Tokenizer.swift": "public protocol Tokenizer {}\n",
    "Sources/Carina/Data/Shard.swift": "public struct Shard {}\n",
    "Sources/Carina/Model/Decoder.swift": "public struct Decoder { let gain = linear(1) }\n",
    "Sources/Carina/Training/Trainer.swift": "public struct Trainer { let model: Decoder, shard: Shard }\n",
  ]

  private func check(_ files: [String: String]) throws -> (status: Int32, lines: [String]) {
    let root = try TemporaryDirectory()
    let manifest = ["Package.swift": "  program(\"train-stage1\"),\n"]
    for (name, text) in manifest.merging(Self.engine, uniquingKeysWith: { $1 }).merging(files, uniquingKeysWith: { $1 })
    {
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
      // Trainer
      /* Decoder /* Shard */ Trainer */
      let plain = "Trainer \\" Trainer", raw = #"Trainer \\(Trainer) " Trainer"#
      let long = \"\"\"
        Trainer " \\("Trainer" + String(1)) Trainer
        \"\"\"
      private struct Own {
        struct Trainer {}
        let member = first.linear(2), own: Trainer
      }

      """
    let result = try check(["Sources/Carina/Runtime/Talk.swift": talk])
    #expect(result.lines.isEmpty)
    #expect(result.status == 0)
  }

  @Test(
    "each wall is named with file and line where it is broken",
    arguments: [
      ("Sources/Carina/Runtime/A.swift", "// first\nlet a = linear(1)\n", ":2:", "Runtime uses Tensor's linear"),
      ("Sources/Carina/Text/A.swift", "let a = \"\\(Trainer.self)\"\n", ":1:", "Text uses Training's Trainer"),
      ("Sources/Carina/Data/A.swift", "struct A { let d: Decoder }\n", ":1:", "Data and Model never meet"),
      ("Sources/Carina/Model/A.swift", "struct A { let s: [Shard] }\n", ":1:", "Data and Model never meet"),
      ("Sources/Carina/Model/A.swift", "struct A<T: Tokenizer> {}\n", ":1:", "a tokenizer never enters Model"),
      ("Sources/Carina/Model/A.swift", "import CKernels\n", ":1:", "imported in Tensor alone"),
      ("Sources/infer/A.swift", "import CHDF5\n", ":1:", "imported in Data alone"),
      ("Sources/Carina/Report/A.swift", "import ArgumentParser\n", ":1:", "not ArgumentParser"),
      ("Sources/infer/A.swift", "import train_stage1\n", ":1:", "nothing imports a program"),
      ("Sources/infer/A.swift", "\nlet a = try! b()\n", ":2:", "no try!"),
      ("Sources/infer/A.swift", "let a = b as! C\n", ":1:", "no as!"),
      ("Sources/infer/A.swift", "func a() { fatalError() }\n", ":1:", "no fatalError"),
      ("Sources/Carina/Attic/A.swift", "struct A {}\n", ":", "outside every room"),
      ("Tests/Helpers/A.swift", "struct A {}\n", ":", "no folder of this name"),
    ])
  func offence(file: String, text: String, line: String, wall: String) throws {
    let result = try check([file: text])
    #expect(result.status == 1)
    let place = wall == "no folder of this name" ? "Tests/Helpers:" : file + line
    #expect(result.lines.contains { $0.hasPrefix(place) && $0.contains(wall) }, "\(result.lines)")
    #expect(result.lines.count == 1, "\(result.lines)")
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
