/// Numbers of target rows in which some come more than once, ordered so that each target's additions stand together.
struct RowRuns {
  /// The target rows, ascending, each once.
  let targets: [Int]
  /// Where each target's additions begin in `order`, and where the last one's end.
  let starts: [Int]
  /// The positions in the array, by target and then as they stood.
  let order: [Int]

  init(_ rows: [Int]) {
    // As single numbers they are sorted several times as fast as by a comparison of two.
    let keys = rows.enumerated().map { UInt64($1) << 32 | UInt64($0) }.sorted()
    var targets: [Int] = [], starts: [Int] = []
    for (position, key) in keys.enumerated() where targets.last != Int(key >> 32) {
      targets.append(Int(key >> 32))
      starts.append(position)
    }
    self.targets = targets
    self.starts = starts + [rows.count]
    order = keys.map { Int($0 & 0xffff_ffff) }
  }

  /// The first of row numbers that follow one another; nil where they do not.
  static func firstOfSequence(_ rows: [Int]) -> Int? {
    guard let first = rows.first else { return 0 }
    for (index, row) in rows.enumerated() where row != first + index { return nil }
    return first
  }
}
