import Carina

extension SplitPlan {
  /// Records in memory with their splits.
  func applied(to records: [SampleRecord], source: String) throws -> [SampleRecord] {
    var records = records
    var check = SplitCheck(self, source: source, spill: .temporary)
    for index in records.indices { try check.assign(&records[index], number: index) }
    try check.finish { records[$0] }
    return records
  }
}

extension Preprocessor {
  /// Writes all splits in one go.
  static func runSplits(_ options: PreprocessOptions) throws -> [PreprocessSummary] {
    guard case .complete(let summaries) = try runPart(options, allSplits: true) else {
      throw CarinaError(.interrupted, "other parts are not done")
    }
    return summaries
  }
}
