/// How often what belongs to an image, or to a text, is among the first of all that there are, when they are ordered by
/// their similarity.
package struct RetrievalScores: Equatable, Sendable {
  /// After how many the list is cut.
  package static let depths = [1, 5, 10]

  /// Parts from 0 to 1 at each of `depths`: of images with one of their texts, and of texts with one of their images,
  /// among the first.
  package private(set) var imageToText: [Double], textToImage: [Double]

  /// Counts of what was found before each depth, out of so many.
  init(imageRanks: [Int], textRanks: [Int]) {
    func recall(_ ranks: [Int]) -> [Double] {
      Self.depths.map { depth in Double(ranks.count { $0 < depth }) / Double(max(ranks.count, 1)) }
    }
    imageToText = recall(imageRanks)
    textToImage = recall(textRanks)
  }

  /// The numbers under their names in the log.
  package var named: [(name: String, value: Double)] {
    zip(Self.names("image_to_text"), imageToText).map { ($0, $1) }
      + zip(Self.names("text_to_image"), textToImage).map { ($0, $1) }
  }

  private static func names(_ direction: String) -> [String] { depths.map { "\(direction)_recall_at_\($0)" } }

  /// What the log says of both directions, in words; nil where a number is not there.
  static func words(_ value: (String) -> Double?) -> String? {
    func part(_ direction: String, _ words: String) -> String? {
      let values = names(direction).compactMap(value)
      guard values.count == depths.count else { return nil }
      return "\(words) " + values.map(Self.text).joined(separator: " ")
    }
    guard let first = part("image_to_text", "image to text"), let second = part("text_to_image", "text to image") else {
      return nil
    }
    return "recall at \(depths.map(String.init).joined(separator: ", ")): \(first), \(second)"
  }

  private static func text(_ value: Double) -> String {
    let thousandths = Int((value * 1000).rounded())
    let digits = String(thousandths % 1000)
    return "\(thousandths / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
  }
}
