import CarinaTensor

/// What all blocks of one pass through the decoder share: the packed sequences, their positions and rotation tables.
struct DecoderPass {
  /// Rows of each sequence, one sequence after the other.
  let lengths: [Int]
  /// Position of each row in its own sequence.
  let positions: [Int32]
  /// How many of each sequence's last rows are read after the last block.
  let readCounts: [Int]
  /// Rows of each sequence that see each other both ways, a run for each image, counted from the pass's first row; nil
  /// where all rows are causal.
  let mutualRuns: [[Range<Int>]]?
  /// Angles for local and for global layers.
  let localRotation: RotaryTable, globalRotation: RotaryTable

  /// The same runs counted from the first of so many keys, which end with the pass's rows.
  func mutualRuns(keyCounts: [Int]) -> [[Range<Int>]]? {
    mutualRuns.map { runs in
      zip(runs, zip(keyCounts, lengths)).map { runs, counts in
        runs.map { $0.lowerBound + counts.0 - counts.1..<$0.upperBound + counts.0 - counts.1 }
      }
    }
  }

  /// Rows that are read, in order; nil when all are.
  var readRows: [Int]? {
    guard readCounts != lengths else { return nil }
    var start = 0
    return zip(lengths, readCounts).flatMap { length, count in
      defer { start += length }
      return start + length - count..<start + length
    }
  }
}
