import CarinaText

/// Samples in an order in which those that follow each other are about as long as each other, as transformers'
/// `group_by_length` has it.
///
/// Sequences are packed, so this saves no padding: it makes the micro-batches of a step alike, so that machines which
/// share a step need not wait for each other, and makes steps differ more from each other.
package enum LengthBuckets {
  private static let mostStepsOfBucket = 50, fewestBuckets = 4

  /// A shuffled order, cut into mega-batches of up to 50 optimizer steps (fewer where that would make fewer than four
  /// of them), each sorted from its longest sample to its shortest. The longest of all stands first, so that a batch
  /// that does not fit into the memory comes at once.
  ///
  /// - Parameters:
  ///   - samples: the shuffled order.
  ///   - lengths: of every sample.
  ///   - samplesPerStep: of an optimizer step.
  package static func grouped(_ samples: [Int], lengths: [Int], samplesPerStep: Int) -> [Int] {
    guard samplesPerStep < samples.count else { return sorted(samples[...], lengths) }
    let size = samplesPerStep * max(1, min(samples.count / fewestBuckets / samplesPerStep, mostStepsOfBucket))
    var result: [Int] = [], longest = 0
    for first in stride(from: 0, to: samples.count, by: size) {
      result += sorted(samples[first..<min(samples.count, first + size)], lengths)
      if lengths[result[first]] > lengths[result[longest]] { longest = first }
    }
    result.swapAt(0, longest)
    return result
  }

  /// From the longest to the shortest; equal ones stay in their order.
  private static func sorted(_ samples: ArraySlice<Int>, _ lengths: [Int]) -> [Int] {
    samples.enumerated().sorted { (-lengths[$0.element], $0.offset) < (-lengths[$1.element], $1.offset) }
      .map(\.element)
  }

  /// Positions of every sample: its ids and the rows of its images.
  /// - Throws: as `PromptRenderer.training`.
  package static func lengths(
    of samples: any TrainingSamples, renderer: PromptRenderer, rowsPerImage: Int
  ) throws -> [Int] {
    try (0..<samples.count).map { sample in
      let (question, answer) = try samples.text(sample)
      let prompt = try renderer.training(
        question: question, answer: answer, images: samples.images(of: sample).count)
      return prompt.count + rowsPerImage * prompt.imageCount
    }
  }
}
