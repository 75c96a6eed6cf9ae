import Carina
import Foundation
import TestSupport
import Testing

@Suite struct ShardBatchesTests {
  @Test("batches come in the order asked for, with an image read once a batch, whatever is loaded ahead")
  func order() throws {
    let archive = try SmallArchive()
    _ = try Preprocessor.run(try archive.options())
    let shards = try ShardDirectory(archive.shards)
    var generator = SeededGenerator(seed: 2, stream: "batches")
    let wanted = (0..<40).map { _ in (0..<3).map { _ in generator.integer(below: 24) } }
    for ahead in [1, 4, 100] {
      let batches = ShardBatches(shards, batches: wanted, ahead: ahead)
      var got: [[Int]] = []
      while let batch = try batches.next() {
        got.append(batch.map(\.index))
        for loaded in batch {
          #expect(loaded.sample == shards.sample(loaded.index))
          #expect(try loaded.pixels == shards.pixels(imageRow: loaded.sample.imageRow))
        }
      }
      #expect(got == wanted)
      #expect(try batches.next() == nil)
      #expect(batches.takeWaitSeconds() >= 0)
      #expect(batches.takeWaitSeconds() == 0)
    }
  }

  @Test("a loader that is let go of ends, also from an endless order")
  func abandoned() throws {
    let archive = try SmallArchive()
    _ = try Preprocessor.run(try archive.options())
    weak var shards: ShardDirectory?
    do {
      let open = try ShardDirectory(archive.shards)
      shards = open
      let batches = ShardBatches(open, batches: repeatElement([0, 1], count: 1 << 40), ahead: 2)
      #expect(try batches.next()?.count == 2)
    }
    for _ in 0..<500 where shards != nil { Thread.sleep(forTimeInterval: 0.01) }
    #expect(shards == nil)
  }

  @Test("a file that shrinks while it is being read is an error, not a crash")
  func shrinking() throws {
    let archive = try SmallArchive()
    _ = try Preprocessor.run(try archive.options())
    let shards = try ShardDirectory(archive.shards)
    #expect(truncate(archive.shards + "/shard-00001.h5", 1000) == 0)
    let row = shards.sample(shards.manifest.shards[0].samples).imageRow
    let error = #expect(throws: CarinaError.self) { try shards.pixels(imageRow: row) }
    #expect(error?.kind == .badData)
    let batches = ShardBatches(shards, batches: [[0], [shards.manifest.shards[0].samples]])
    #expect(try batches.next()?.count == 1)
    #expect(throws: CarinaError.self) { try batches.next() }
  }
}
