import CarinaRuntime

/// Images with the texts that describe them, and every distinct text once: a text is a positive of each image that it
/// stands with, so equal texts are never each other's negatives.
package struct ContrastivePairs: Sendable {
  /// One image.
  package struct Image: Sendable {
    /// Its number among the samples' images, and the first sample that shows it.
    package let image: Int, sample: Int
    /// The texts that describe it.
    package fileprivate(set) var texts: Set<Int> = []
  }

  /// In the order in which samples show them.
  package private(set) var images: [Image] = []
  /// The ids of every text.
  package private(set) var texts: [[Int]] = []

  /// - Parameters:
  ///   - samples: each with one image; an image of several samples counts once, with the texts of all.
  ///   - textsOf: the texts of a sample, each with what makes two of them equal.
  /// - Throws: `CarinaError.badData` for a sample with several images.
  package init<Key: Hashable>(
    _ samples: any TrainingSamples, textsOf: (Int) throws -> [(key: Key, ids: () -> [Int])]
  ) throws {
    var textIndex: [Key: Int] = [:], rows: [Int: Int] = [:]
    for sample in 0..<samples.count {
      let shown = samples.images(of: sample)
      // The loss knows pairs of an image and a text alone.
      guard let image = shown.first, shown.count == 1 else {
        throw CarinaError(
          .badData, "sample \(sample) shows \(shown.count) images, which cannot be paired with its caption",
          expected: "one image a sample in stage 0",
          remedy: "Give each image a caption of its own here; stages 1 and 2 take several.")
      }
      let row = rows[image] ?? images.count
      if rows[image] == nil {
        rows[image] = row
        images.append(Image(image: image, sample: sample))
      }
      for (key, ids) in try textsOf(sample) {
        let index = textIndex[key] ?? texts.count
        if textIndex[key] == nil {
          textIndex[key] = index
          texts.append(ids())
        }
        images[row].texts.insert(index)
      }
    }
  }

  /// The texts that describe some of the images of `rows`, in order.
  package func texts(of rows: some Sequence<Int>) -> [Int] {
    rows.reduce(into: Set<Int>()) { $0.formUnion(images[$1].texts) }.sorted()
  }

  /// Which of the texts describe which of the images: row-major [rows · texts].
  package func isPositive(_ rows: some Sequence<Int>, _ texts: [Int]) -> [Bool] {
    rows.flatMap { row in texts.map(images[row].texts.contains) }
  }
}
