/// Counts different names, however many they are: hashes wait on the disk and are compared bucket by bucket.
struct DistinctNames {
  private var entries: SpilledBuckets<NameHash>
  private var last: NameHash?

  /// - Parameter spill: where to spill.
  init(_ spill: SpillPath) { entries = SpilledBuckets(spill) }

  /// Adds a name; an empty one is none.
  /// - Throws: `CarinaError.cannotWrite`.
  mutating func add(_ name: String) throws {
    guard !name.isEmpty else { return }
    let hash = NameHash(name)
    // Entries of one patient mostly follow each other.
    guard hash != last else { return }
    last = hash
    try entries.append(hash, to: hash.bucket)
  }

  /// How many different names were added.
  /// - Throws: `CarinaError.badData` when the file cannot be read.
  func count() throws -> Int {
    var count = 0
    for bucket in 0..<SpilledBuckets<NameHash>.count {
      var names = Set<NameHash>()
      try entries.forEach(in: bucket) { names.insert($0) }
      count += names.count
    }
    return count
  }
}
