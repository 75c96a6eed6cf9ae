import Carina
import Foundation
import TestSupport
import Testing

/// A radiograph of several frames through `preprocess --frame`.
@Suite struct PreprocessFrameTests {
  let directory: TemporaryDirectory

  /// Two frames of 4 x 4 pixels, the first of 10, the second of 200, and nothing before the image attributes.
  init() throws {
    directory = try TemporaryDirectory()
    func element(_ group: UInt8, _ number: UInt16, _ type: String, _ value: [UInt8]) -> [UInt8] {
      [group, group == 0xe0 ? 0x7f : 0, UInt8(number & 0xff), UInt8(number >> 8)] + Array(type.utf8)
        + [UInt8(value.count), 0] + value
    }
    func number(_ key: UInt16, _ value: UInt8) -> [UInt8] { element(0x28, key, "US", [value, 0]) }
    var file = number(0x0002, 1) + element(0x28, 0x0004, "CS", Array("MONOCHROME2 ".utf8))
    file += element(0x28, 0x0008, "IS", Array("2 ".utf8)) + number(0x0010, 4) + number(0x0011, 4)
    file += number(0x0100, 8) + number(0x0101, 8) + number(0x0102, 7) + number(0x0103, 0)
    file += [0xe0, 0x7f, 0x10, 0] + Array("OW".utf8) + [0, 0, 32, 0, 0, 0]
    file += Array(repeating: 10, count: 16) + Array(repeating: 200, count: 16)
    try Data(file).write(to: URL(fileURLWithPath: directory.file("loop.dcm")))
    try "[{\"image\": \"loop.dcm\", \"caption\": \"c\"}]"
      .write(toFile: directory.file("records.json"), atomically: true, encoding: .utf8)
  }

  private func preprocess(_ extra: [String]) throws -> ProgramRun {
    try ProgramRun(
      "preprocess",
      [
        "--json", directory.file("records.json"), "--image-root", directory.path, "--output", directory.file("out"),
        "--image-size", "4", "--threads", "1",
      ] + extra)
  }

  @Test("the chosen frame is stored and said; without a choice the file is refused with the option's name")
  func frames() throws {
    let undecided = try preprocess([])
    #expect(undecided.exitCode == 65 && undecided.errors.contains("--frame"), "\(undecided.errors)")
    for (choice, frame, grey) in [("first", 1, 10), ("2", 2, 200), ("middle", 2, 200)] {
      let run = try preprocess(["--frame", choice])
      #expect(run.exitCode == 0 && run.errors.contains("frame"), "\(run.errors)")
      #expect(run.output.contains("frame \(frame) of 2 was taken"), "\(run.output)")
      let shards = try ShardDirectory(directory.file("out"))
      #expect(try shards.pixels(imageRow: 0).values == Array(repeating: UInt8(grey), count: 16))
    }
    #expect(try preprocess(["--frame", "3"]).exitCode == 65)
    #expect(try preprocess(["--frame", "0"]).exitCode == 64)
  }
}
