import CarinaTensor

/// What all blocks of one pass through the decoder share: the packed sequences, their positions and rotation tables.
struct DecoderPass {
  /// Rows of each sequence, one sequence after the other.
  let lengths: [Int]
  /// Position of each row in its own sequence.
  let positions: [Int32]
  /// How many of each sequence's last rows are read after the last block.
  let readCounts: [Int]
  /// Angles for local and for global layers.
  let localRotation: RotaryTable, globalRotation: RotaryTable

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
