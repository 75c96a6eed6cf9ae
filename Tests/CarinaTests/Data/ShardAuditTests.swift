import Carina
import Foundation
import TestSupport
import Testing

@Suite struct ShardAuditTests {
  /// A smooth picture that a number makes, 64 pixels a side.
  private func picture(_ number: Int) -> [UInt8] {
    var generator = SeededGenerator(seed: UInt64(number), stream: "picture")
    let waves = (0..<4).map { _ in (generator.uniform(), generator.uniform(), generator.uniform()) }
    return (0..<64 * 64).map { index in
      let (x, y) = (Double(index % 64) / 64, Double(index / 64) / 64)
      let sum = waves.reduce(0.0) { $0 + sin(12 * ($1.0 * x + $1.1 * y) + 6 * $1.2) }
      return UInt8(min(max(128 + 30 * sum, 0), 255))
    }
  }

  private func shards(_ scratch: TemporaryDirectory, _ name: String, _ images: [(String, String, [UInt8])]) throws
    -> ShardDirectory
  {
    var records: [JSONValue] = []
    for (file, patient, pixels) in images {
      let decoder = scratch.file("\(name)/\(file)")
      try AtomicFile.write(PNGEncoder.encode(pixels, side: 64), to: decoder)
      records.append(["image": .string(file), "caption": "c", "patient": .string(patient)])
    }
    try AtomicFile.write(try JSONValue.array(records).serialized(), to: scratch.file("\(name).json"))
    _ = try Preprocessor.run(
      PreprocessOptions(
        records: scratch.file("\(name).json"), imageRoots: [scratch.file(name)], output: scratch.file("\(name)-shards"),
        transform: try ImageTransform(size: 48)))
    return try ShardDirectory(scratch.file("\(name)-shards"))
  }

  @Test("shared patients, identical pixels and pictures a little changed are found, and nothing else")
  func finds() throws {
    let scratch = try TemporaryDirectory()
    let brighter = picture(2).map { UInt8(min(Int($0) + 9, 255)) }
    let plain = [UInt8](repeating: 7, count: 64 * 64)
    let train = try shards(
      scratch, "train",
      [("a.png", "p1", picture(1)), ("b.png", "p2", picture(2)), ("c.png", "", picture(3)), ("d.png", "p9", plain)])
    let test = try shards(
      scratch, "test",
      [
        ("e.png", "p2", picture(4)), ("f.png", "p3", picture(1)), ("g.png", "p4", brighter),
        ("h.png", "p5", picture(5)),
      ])
    var seen = 0
    let audit = try ShardAudit([train, test]) { seen = $0 }
    #expect(seen == 8)
    #expect(audit.patients.map(\.name) == ["p2"] && audit.patients[0].directories == [0, 1])
    #expect(audit.identical.map { [$0.first.image, $0.second.image] } == [["a.png", "f.png"]])
    #expect(audit.similar.map { [$0.first.image, $0.second.image] } == [["b.png", "g.png"]])
    #expect(audit.unnamedImages == 1 && audit.plainImages == 1 && !audit.isCut)
    #expect(try ShardAudit([train, test], limit: 0).isCut)
    let apart = try ShardAudit([train, try shards(scratch, "other", [("x.png", "p7", picture(6))])])
    #expect(apart.patients.isEmpty && apart.identical.isEmpty && apart.similar.isEmpty)
    #expect(throws: CarinaError.self) { try ShardAudit([train]) }
    #expect(throws: CarinaError.self) { try ShardAudit([train, test], maximumDistance: 16) }
  }

  @Test("the search by bands finds the pairs that looking at all of them finds")
  func bands() throws {
    let scratch = try TemporaryDirectory()
    func noisy(_ number: Int) -> [UInt8] {
      var generator = SeededGenerator(seed: UInt64(number), stream: "noise")
      return picture(number % 5).map { UInt8(min(max(Int($0) + generator.integer(below: 41) - 20, 0), 255)) }
    }
    let first = try shards(scratch, "first", (0..<10).map { ("\($0).png", "", noisy($0)) })
    let second = try shards(scratch, "second", (10..<20).map { ("\($0).png", "", noisy($0)) })
    for distance in [0, 4, 12] {
      var wanted = Set<[String]>()
      for a in 0..<10 {
        for b in 0..<10 {
          let hashes = try (PerceptualHash(first.pixels(imageRow: a)), PerceptualHash(second.pixels(imageRow: b)))
          if hashes.0.distance(to: hashes.1) <= distance { wanted.insert([first.image(a).id, second.image(b).id]) }
        }
      }
      let found = try ShardAudit([first, second], maximumDistance: distance).similar
      #expect(Set(found.map { [$0.first.image, $0.second.image] }) == wanted && found.count == wanted.count)
      if distance == 12 { #expect(!wanted.isEmpty) }
    }
  }
}
