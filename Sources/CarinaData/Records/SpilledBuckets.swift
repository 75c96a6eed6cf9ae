/// Entries of fixed size sorted by a hash into buckets on the disk, so that what has to be compared with everything is
/// compared bucket by bucket, in memory for one of them. Few entries never reach the disk.
///
/// The blocks of a bucket are chained through the file, in the order in which its entries came.
struct SpilledBuckets<Entry: BitwiseCopyable> {
  /// How many buckets there are.
  static var count: Int { 256 }
  private static var blockBytes: Int { 2048 }
  /// A block starts with the number of the next one, and is full when there is one.
  private static var entriesOfBlock: Int { (blockBytes - MemoryLayout<Int>.size) / MemoryLayout<Entry>.stride }

  private struct Bucket {
    /// The blocks on the disk, and the number under which the next one will be written.
    var firstBlock = -1, blocks = 0, reserved = -1
    /// What is not on the disk.
    var tail: [Entry] = []
  }

  private let spill: SpillPath
  private var file: SpillFile?
  private var buckets = [Bucket](repeating: Bucket(), count: count)
  private var reservedBlocks = 0

  /// - Parameter spill: where to spill.
  init(_ spill: SpillPath) { self.spill = spill }

  /// Adds an entry.
  /// - Throws: `CarinaError.cannotWrite`.
  mutating func append(_ entry: Entry, to bucket: Int) throws {
    buckets[bucket].tail.append(entry)
    if buckets[bucket].tail.count == SpilledBuckets.entriesOfBlock { try spill(bucket) }
  }

  /// The entries of a bucket, in the order in which they came.
  /// - Throws: `CarinaError.badData` when the file cannot be read, and what `body` throws.
  func forEach(in bucket: Int, _ body: (Entry) throws -> Void) throws {
    let stride = MemoryLayout<Entry>.stride
    var block = buckets[bucket].firstBlock
    try withUnsafeTemporaryAllocation(byteCount: SpilledBuckets.blockBytes, alignment: 16) { bytes in
      for _ in 0..<buckets[bucket].blocks {
        try file?.read(at: block * SpilledBuckets.blockBytes, into: bytes)
        for number in 0..<SpilledBuckets.entriesOfBlock {
          try body(bytes.loadUnaligned(fromByteOffset: MemoryLayout<Int>.size + number * stride, as: Entry.self))
        }
        block = bytes.load(as: Int.self)
      }
    }
    try buckets[bucket].tail.forEach(body)
  }

  private mutating func spill(_ bucket: Int) throws {
    let file = try self.file ?? SpillFile(spill)
    self.file = file
    if buckets[bucket].blocks == 0 {
      buckets[bucket].reserved = reserve()
      buckets[bucket].firstBlock = buckets[bucket].reserved
    }
    let (block, next) = (buckets[bucket].reserved, reserve())
    try withUnsafeTemporaryAllocation(byteCount: SpilledBuckets.blockBytes, alignment: 16) { bytes in
      bytes.initializeMemory(as: UInt8.self, repeating: 0)
      bytes.storeBytes(of: next, as: Int.self)
      buckets[bucket].tail.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: bytes[MemoryLayout<Int>.size...]).copyMemory(from: $0)
      }
      try file.write(UnsafeRawBufferPointer(bytes), at: block * SpilledBuckets.blockBytes)
    }
    buckets[bucket].reserved = next
    buckets[bucket].blocks += 1
    buckets[bucket].tail.removeAll(keepingCapacity: true)
  }

  private mutating func reserve() -> Int {
    defer { reservedBlocks += 1 }
    return reservedBlocks
  }
}
