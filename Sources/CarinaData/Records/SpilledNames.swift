/// The suffixes of `UniqueNames` for names without end, found bucket by bucket.
///
/// Whether a name is taken depends only on names that are equal but for suffixes at their ends, which fall into one
/// bucket.
struct SpilledNames {
  private struct Entry: BitwiseCopyable {
    let name: NameHash
    let number: Int
  }

  private var entries: SpilledBuckets<Entry>
  private var count = 0

  /// - Parameter spill: where to spill.
  init(_ spill: SpillPath) { entries = SpilledBuckets(spill) }

  /// Adds the next name.
  /// - Throws: `CarinaError.cannotWrite`.
  mutating func add(_ name: String) throws {
    try entries.append(Entry(name: NameHash(name), number: count), to: SpilledNames.bucket(name))
    count += 1
  }

  /// Calls `body` with the number of each name that needs a suffix, counted from 0 as they were added, and with it.
  /// - Throws: what `body` throws, and as `SpilledBuckets.forEach`.
  func forEachRepeated(_ body: (_ number: Int, _ suffix: Int) throws -> Void) throws {
    for bucket in 0..<SpilledBuckets<Entry>.count { try forEachRepeated(in: bucket, body) }
  }

  /// The last name that was added, made unique.
  /// - Throws: as `SpilledBuckets.forEach`.
  func unique(last name: String) throws -> String {
    var found = 0
    try forEachRepeated(in: SpilledNames.bucket(name)) { number, suffix in if number == count - 1 { found = suffix } }
    return UniqueNames.name(name, found)
  }

  private func forEachRepeated(in bucket: Int, _ body: (Int, Int) throws -> Void) throws {
    var names = UniqueNames()
    try entries.forEach(in: bucket) { entry in
      let suffix = names.suffix(entry.name)
      if suffix > 0 { try body(entry.number, suffix) }
    }
  }

  /// The bucket of a name without the suffixes at its end.
  private static func bucket(_ name: String) -> Int {
    var root = Substring(name).utf8
    while let mark = root.lastIndex(of: UInt8(ascii: "#")) {
      let digits = root[root.index(after: mark)...]
      guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { break }
      root = root[..<mark]
    }
    return NameHash(String(Substring(root))).bucket
  }
}
