import CarinaRuntime

/// How more than 8 bits a value become 8: decided by the user, stored with the transform, done in full depth.
///
/// Images of 8 bits pass through unchanged, whatever the policy; only a DICOM file of 8 bits obeys `voi`.
public enum PixelPolicy: Equatable, Sendable, CustomStringConvertible {
  /// The display window that the file itself names; only a radiograph in DICOM has one (see `DicomFile.grey`).
  case voi
  /// From the smallest to the largest value of the image.
  case minmax
  /// Between two percentiles of the image's values, 0 <= low < high <= 100; what is outside is clipped.
  case percentile(low: Double, high: Double)
  /// From 0 to the largest value that the depth allows.
  case full

  /// The forms that `init(text:)` reads, for messages.
  public static let choices = "voi, minmax, percentile:LOW,HIGH or full"

  /// Reads `voi`, `minmax`, `percentile:LOW,HIGH` or `full`; nil for anything else.
  public init?(text: String) {
    switch text {
    case "voi": self = .voi
    case "minmax": self = .minmax
    case "full": self = .full
    default:
      guard text.hasPrefix("percentile:") else { return nil }
      let parts = text.dropFirst("percentile:".count).split(separator: ",", omittingEmptySubsequences: false)
      guard parts.count == 2, let low = Double(parts[0]), let high = Double(parts[1]), low >= 0, low < high, high <= 100
      else { return nil }
      self = .percentile(low: low, high: high)
    }
  }

  /// The form that `init(text:)` reads.
  public var description: String {
    switch self {
    case .voi: "voi"
    case .minmax: "minmax"
    case .percentile(let low, let high): "percentile:\(low),\(high)"
    case .full: "full"
    }
  }

  /// Maps 16-bit values to 8 bits, linearly between the window's ends with halves rounded up, clipped outside.
  ///
  /// A percentile is the smallest value that at least so many of the values do not exceed. All channels share one
  /// window; an image of one value becomes black.
  /// - Throws: `CarinaError.badData` when the policy needs what the file does not have.
  package func apply(to values: [UInt16], path: String) throws -> [UInt8] {
    let (low, high) = try window(of: values, path: path)
    var table = [UInt8](repeating: 0, count: 1 << 16)
    for value in 0..<table.count {
      let span = high - low
      let above = min(max(value - low, 0), span)
      table[value] = span == 0 ? 0 : UInt8((2 * above * 255 + span) / (2 * span))
    }
    return values.map { table[Int($0)] }
  }

  private func window(of values: [UInt16], path: String) throws -> (low: Int, high: Int) {
    if self == .voi {
      throw CarinaError(
        .badData, "a PNG has no display window", at: path,
        remedy: "Choose \(setting: .window) minmax, percentile:LOW,HIGH or full.")
    }
    if self == .full { return (0, 65535) }
    var histogram = [Int](repeating: 0, count: 1 << 16)
    for value in values { histogram[Int(value)] += 1 }
    return window(ofHistogram: histogram)
  }

  /// The ends of `minmax` or of percentiles over values 0..<`histogram.count`, each so many times there; equal ends
  /// where there is no value.
  /// - Precondition: the policy is `minmax` or `percentile`.
  func window(ofHistogram histogram: [Int]) -> (low: Int, high: Int) {
    let total = histogram.reduce(0, +)
    guard total > 0 else { return (0, 0) }
    func value(at percentile: Double) -> Int {
      let rank = max(1, Int((percentile / 100 * Double(total)).rounded(.up)))
      var seen = 0
      for (value, count) in histogram.enumerated() {
        seen += count
        if seen >= rank { return value }
      }
      return histogram.count - 1
    }
    switch self {
    case .percentile(let low, let high): return (value(at: low), value(at: high))
    default: return (value(at: 0), value(at: 100))
    }
  }
}
