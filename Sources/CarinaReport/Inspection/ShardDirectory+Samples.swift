import CarinaData

extension ShardDirectory {
  /// At most `count` image rows, spread evenly.
  func rowsSpread(over count: Int) -> [Int] {
    let shown = min(max(0, count), imageCount)
    return (0..<shown).map { $0 * imageCount / shown }
  }
}

extension ShardImage {
  /// View and patient, as far as they are known.
  var caption: String {
    [view, patient.isEmpty ? "" : "patient \(patient)"].filter { !$0.isEmpty }.joined(separator: ", ")
  }
}
