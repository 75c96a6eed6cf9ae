/// Makes answers: one pass over the prompts with their images, then token by token over a key-value cache.
///
/// Several prompts run side by side, packed without padding, so an answer does not depend on its neighbours.
public final class Generator {
  private let model: VisionLanguageModel
  private let stopTokens: Set<Int>
  private let options: GenerationOptions

  /// A generator for one model.
  /// - Parameter stopTokens: ids at which an answer ends.
  public init(model: VisionLanguageModel, stopTokens: Set<Int>, options: GenerationOptions) {
    self.model = model
    self.stopTokens = stopTokens
    self.options = options
  }

  /// Answers, as ids without the stop token.
  ///
  /// - Parameters:
  ///   - prompts: sequences that end where the answer begins.
  ///   - imageRows: projected rows of the images that the prompts refer to, [images · rowsPerImage, D].
  ///   - onToken: told each token of each prompt as it is made.
  public func answers(
    _ prompts: [ImageTextSequence], imageRows: Tensor?, onToken: ((_ prompt: Int, _ token: Int) -> Void)? = nil
  ) -> [[Int]] {
    guard !prompts.isEmpty else { return [] }
    let (x, lengths) = model.embed(prompts, imageRows: imageRows, tape: nil)
    var cache = KeyValueCache(
      model.decoder.config, sequenceCount: prompts.count,
      capacity: (lengths.max() ?? 0) + options.maximumNewTokens)
    var states = model.decoder.hiddenStates(
      x, lengths: lengths, readCounts: lengths.map { _ in 1 }, cache: cache, tape: nil)
    var answers = [[Int]](repeating: [], count: prompts.count)
    var active = Array(prompts.indices)
    var choosers = prompts.indices.map { TokenChooser(options, stream: "answer.\($0)") }

    for made in 1...options.maximumNewTokens {
      let logits = model.decoder.logits(states)
      var kept: [Int] = [], next: [Int] = []
      for (row, prompt) in active.enumerated() {
        let token = choosers[prompt].choose(
          UnsafeBufferPointer(start: logits.floats + row * logits.width, count: logits.width), after: answers[prompt])
        guard !stopTokens.contains(token) else { continue }
        answers[prompt].append(token)
        onToken?(prompt, token)
        kept.append(row)
        next.append(token)
      }
      guard !kept.isEmpty, made < options.maximumNewTokens else { break }
      if kept.count < active.count {
        cache = cache.keep(kept)
        active = kept.map { active[$0] }
      }
      states = model.decoder.hiddenStates(
        model.decoder.embed(next, tape: nil), lengths: next.map { _ in 1 }, cache: cache, tape: nil)
    }
    return answers
  }
}
