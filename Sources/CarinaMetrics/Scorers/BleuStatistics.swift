/// The ten numbers from which every corpus BLEU (Papineni et al. 2002) is computed: hypothesis and reference length,
/// then for runs of one to four tokens how many match a reference (clipped) and how many there are.
struct BleuStatistics {
  /// Which of several references lends its length.
  enum ReferenceLength {
    /// The one nearest to the hypothesis; of two equally near, the shorter.
    case closest
    /// The shortest.
    case shortest
  }

  static let width = 10

  var hypothesisLength: Double
  var referenceLength: Double
  var correct: [Double]
  var total: [Double]

  /// The numbers of one hypothesis against its references.
  init(_ hypothesis: [Int32], _ references: [[Int32]], length: ReferenceLength) {
    hypothesisLength = Double(hypothesis.count)
    let lengths = references.map(\.count)
    let chosen =
      switch length {
      case .closest: lengths.min { (abs($0 - hypothesis.count), $0) < (abs($1 - hypothesis.count), $1) }
      case .shortest: lengths.min()
      }
    referenceLength = Double(chosen ?? 0)
    correct = []
    total = []
    for order in 1...4 {
      var allowed = NgramCounts([], length: order)
      for reference in references { allowed.formUnion(NgramCounts(reference, length: order)) }
      correct.append(Double(NgramCounts(hypothesis, length: order).overlap(allowed)))
      total.append(Double(max(0, hypothesis.count - order + 1)))
    }
  }

  /// Back from the flat form, or from a sum of flat forms.
  init(_ flat: [Double]) {
    hypothesisLength = flat[0]
    referenceLength = flat[1]
    correct = Array(flat[2..<6])
    total = Array(flat[6..<10])
  }

  /// The numbers in a row: lengths, matches, totals.
  var flat: [Double] { [hypothesisLength, referenceLength] + correct + total }
}
