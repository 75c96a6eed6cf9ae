import Carina
import Foundation
import TestSupport
import Testing

@Suite struct PreprocessResumeTests {
  /// A run that is told to stop at an image, counted from 0.
  private func stop(_ archive: SmallArchive, at image: Int, _ change: (inout PreprocessOptions) -> Void = { _ in })
    throws -> CarinaError?
  {
    var asked = 0
    return #expect(throws: CarinaError.self) {
      try Preprocessor.run(
        try archive.options {
          $0.shouldStop = {
            asked += 1
            return asked > image
          }
          change(&$0)
        })
    }
  }

  @Test("stopped at any image, a run goes on after its last finished shard and ends in the same bytes")
  func resume() throws {
    let whole = try SmallArchive()
    _ = try Preprocessor.run(try whole.options())
    let expected = try SmallArchive.contents(whole.shards)
    for image in [1, 5, 6, 11] {
      let archive = try SmallArchive()
      let error = try stop(archive, at: image)
      #expect(error?.kind == .interrupted)
      #expect(!FileManager.default.fileExists(atPath: archive.shards))
      var starts: [Int] = []
      _ = try Preprocessor.run(try archive.options { $0.progress = { done, _, _ in starts.append(done) } })
      #expect(starts.first == image / 5 * 5)
      #expect(try SmallArchive.contents(archive.shards) == expected)
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: archive.directory.path).sorted() == [
          "records.json", "shards",
        ])
    }
  }

  @Test("a shard that was damaged after it was finished, and a record of another, are found before anything is moved")
  func damagedFinished() throws {
    for damage in ["changed", "cut", "gone", "record", "samples"] {
      let archive = try SmallArchive()
      _ = try stop(archive, at: 7)
      let (shard, record) = (
        archive.shards + ".partial/shards/shard-00000.h5", archive.shards + ".partial/progress/000000.json"
      )
      var bytes = try #require(FileManager.default.contents(atPath: shard))
      let whole = bytes
      switch damage {
      case "changed": bytes[bytes.count / 2] ^= 1
      case "cut": bytes.removeLast(9)
      default: break
      }
      try bytes.write(to: URL(fileURLWithPath: shard))
      if damage == "gone" { unlink(shard) }
      if damage == "record" {
        let text = try String(contentsOfFile: record, encoding: .utf8)
        try text.replacingOccurrences(of: "\"images\": 5", with: "\"images\": 1e-400").write(
          toFile: record, atomically: true, encoding: .utf8)
      }
      if damage == "samples" {
        let text = try String(contentsOfFile: record, encoding: .utf8)
        try text.replacingOccurrences(of: "\"samples\": ", with: "\"samples\": 9").write(
          toFile: record, atomically: true, encoding: .utf8)
      }
      let error = #expect(throws: CarinaError.self, "\(damage)") { try Preprocessor.run(try archive.options()) }
      #expect(error?.kind == .badData && error?.remedy?.contains("emove") == true, "\(damage)")
      #expect(error?.location == (damage == "record" || damage == "samples" ? record : shard))
      #expect(!FileManager.default.fileExists(atPath: archive.shards))
      // What the error says to do helps.
      unlink(record)
      let summary = try Preprocessor.run(try archive.options())
      #expect(summary.manifest.images == 12)
      #expect(FileManager.default.contents(atPath: archive.shards + "/shard-00000.h5") == whole)
    }
  }

  @Test("an unfinished run of other options or other files is refused with what differs, and left as it is")
  func otherOptions() throws {
    let archive = try SmallArchive()
    _ = try stop(archive, at: 7)
    let changes: [(String, (inout PreprocessOptions) -> Void)] = [
      ("shard-size", { $0.shardSize = 4 }), ("images", { $0.limit = 3 }),
      ("transform", { $0.transform = (try? ImageTransform(size: 25)) ?? $0.transform }),
      ("parts", { $0.part = ShardPart(text: "1/2") ?? .whole }),
      ("splits", { $0.split = "another" }),
    ]
    for (name, change) in changes {
      let error = #expect(throws: CarinaError.self, "\(name)") { try Preprocessor.run(try archive.options(change)) }
      #expect(error?.kind == .usage && error?.found?.contains(name) == true, "\(name): \(String(describing: error))")
      #expect(error?.remedy?.contains("remove this directory") == true)
    }
    // What does not decide the bytes may change.
    _ = try Preprocessor.run(
      try archive.options {
        $0.workers = 3
        $0.maxRejected = 0.5
      })
    #expect(FileManager.default.fileExists(atPath: archive.shards))
    let foreign = try SmallArchive()
    try AtomicFile.write("precious", to: foreign.shards + ".partial/notes.txt")
    let error = #expect(throws: CarinaError.self) { try Preprocessor.run(try foreign.options()) }
    #expect(error?.kind == .usage)
    #expect(FileManager.default.fileExists(atPath: foreign.shards + ".partial/notes.txt"))
  }

  @Test("parts in any order, one of them stopped on the way, give the bytes of one run; the last puts them in place")
  func parts() throws {
    let whole = try SmallArchive()
    _ = try Preprocessor.run(try whole.options { $0.shardSize = 2 })
    let archive = try SmallArchive()
    func part(_ text: String) throws -> PreprocessOutcome {
      try Preprocessor.runPart(
        try archive.options {
          $0.shardSize = 2
          $0.part = ShardPart(text: text) ?? .whole
        }, allSplits: false)
    }
    #expect(try part("2/3") == .waiting(finishedShards: 2, ofShards: 6))
    #expect(
      try stop(archive, at: 3) {
        $0.shardSize = 2
        $0.part = ShardPart(text: "3/3") ?? .whole
      }?.kind == .interrupted)
    #expect(try part("1/3") == .waiting(finishedShards: 5, ofShards: 6))
    #expect(try part("2/3") == .waiting(finishedShards: 5, ofShards: 6))
    guard case .complete(let summaries) = try part("3/3") else {
      Issue.record("the last part completes")
      return
    }
    #expect(summaries.map(\.manifest.images) == [12])
    #expect(try SmallArchive.contents(archive.shards) == SmallArchive.contents(whole.shards))
    #expect(!FileManager.default.fileExists(atPath: archive.shards + ".partial"))
    // A part that comes late does not begin anew.
    #expect(throws: CarinaError.self) { try part("1/3") }
    for text in ["0/3", "4/3", "1", "1/2/3", "a/b", "1/0", "/", "-1/3"] {
      #expect(ShardPart(text: text) == nil, "\(text)")
    }
  }

  @Test("a part that is being made is not made twice")
  func locked() throws {
    let archive = try SmallArchive()
    let lock = try { () throws -> FileLock in
      try AtomicFile.makeDirectory(archive.shards + ".partial/progress")
      return try FileLock(archive.shards + ".partial/progress/part-1.lock")
    }()
    withExtendedLifetime(lock) {
      let error = #expect(throws: CarinaError.self) { try Preprocessor.run(try archive.options()) }
      #expect(error?.description.contains("another process") == true)
    }
  }

  @Test("too many rejected after a finished shard: a higher limit goes on from there, to the same bytes")
  func higherLimit() throws {
    func change(_ list: inout [JSONValue]) {
      list.insert(["image": "nowhere.png", "caption": "c", "id": "bad"], at: 9)
    }
    let (whole, archive) = (try SmallArchive(change: change), try SmallArchive(change: change))
    _ = try Preprocessor.run(try whole.options { $0.maxRejected = 0.5 })
    let error = #expect(throws: CarinaError.self) { try Preprocessor.run(try archive.options { $0.maxRejected = 0 }) }
    #expect(error?.kind == .badData)
    var first: Int?
    let summary = try Preprocessor.run(
      try archive.options {
        $0.maxRejected = 0.5
        $0.progress = { done, _, _ in first = first ?? done }
      })
    #expect(first == 5 && summary.manifest.rejectedImages == 1)
    #expect(summary.manifest.shards.map(\.images) == [5, 4, 3])
    #expect(try SmallArchive.contents(archive.shards) == SmallArchive.contents(whole.shards))
  }
}
