import CarinaRuntime

/// Records of which no sample can be made, each with the number of usable records before it.
struct RefusedRecords {
  private var entries: [(record: SampleRecord, before: Int)] = []

  /// How many there are.
  var count: Int { entries.count }

  /// Adds the next one.
  mutating func add(_ record: SampleRecord, before: Int) { entries.append((record, before)) }

  /// Gives the id of an entry a suffix that makes it unique.
  mutating func setSuffix(_ suffix: Int, of entry: Int) {
    entries[entry].record.id = UniqueNames.name(entries[entry].record.id, suffix)
  }

  /// The entry of a record by its number among all records, or nil with its number among the usable ones.
  func locate(_ number: Int) -> (entry: Int?, usable: Int) {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].before + middle < number { low = middle + 1 } else { high = middle }
    }
    return (low < entries.count && entries[low].before + low == number ? low : nil, number - low)
  }

  /// The lines of those that come before the end of what is taken, and that a split is responsible for.
  /// - Parameters:
  ///   - end: how many usable records were read until enough were taken; nil for all.
  ///   - takes: told a record's split.
  /// - Throws: `CarinaError.internalFailure` when a name cannot be written.
  func rejections(before end: Int? = nil, where takes: (String) -> Bool = { _ in true }) throws -> Rejections {
    var rejections = Rejections()
    for (record, before) in entries where before < end ?? .max && takes(record.split) {
      try rejections.add(refused: record)
    }
    return rejections
  }
}
