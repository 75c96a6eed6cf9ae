/// Finds identical pixels in two splits: digests wait on the disk and are compared bucket by bucket.
struct SharedPixels {
  private struct Entry: BitwiseCopyable {
    let high, low: UInt64
    let split: UInt32
    /// Which image it is, in the order in which they were added.
    let image: UInt32
  }

  private struct Digest: Hashable {
    let high, low: UInt64
  }

  private var entries: SpilledBuckets<Entry>
  private var count: UInt32 = 0

  /// - Parameter spill: where to spill.
  init(_ spill: SpillPath) { entries = SpilledBuckets(spill) }

  /// Adds an image.
  /// - Parameter digest: the first 128 bits, in hexadecimal digits.
  /// - Throws: `CarinaError.cannotWrite`.
  mutating func add(_ digest: String, split: Int) throws {
    let entry = Entry(
      high: UInt64(digest.prefix(16), radix: 16) ?? 0, low: UInt64(digest.dropFirst(16).prefix(16), radix: 16) ?? 0,
      split: UInt32(split), image: count)
    count += 1
    try entries.append(entry, to: Int(entry.high >> 56))
  }

  /// By the first image of their pixels the pixels that are in two splits, with these. Only they are held in memory.
  /// - Throws: `CarinaError.badData` when the file cannot be read.
  func shared() throws -> [Int: Set<Int>] {
    var found: [Int: Set<Int>] = [:]
    for bucket in 0..<SpilledBuckets<Entry>.count {
      var first: [Digest: (image: Int, split: Int)] = [:]
      try entries.forEach(in: bucket) { entry in
        let (digest, split) = (Digest(high: entry.high, low: entry.low), Int(entry.split))
        guard let known = first[digest] else {
          first[digest] = (Int(entry.image), split)
          return
        }
        if known.split != split { found[known.image, default: [known.split]].insert(split) }
      }
    }
    return found
  }
}
