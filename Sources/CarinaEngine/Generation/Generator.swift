import CarinaModel
import CarinaRuntime
import CarinaTensor
import Foundation

/// Makes answers: one pass over the prompts with their images, then token by token over a key-value cache.
///
/// Several prompts run side by side, packed without padding and each with its own random numbers, so an answer does not
/// depend on its neighbours. With several beams the prompts run one after the other.
public final class Generator {
  private let model: VisionLanguageModel
  private let stopTokens: Set<Int>
  private let options: GenerationOptions
  private let prefilter: LogitPrefilter?

  /// What the model says of the next token of each sequence.
  private enum Next {
    /// Finite logits, row by row.
    case logits([Float])
    case tokens([Int])
  }

  /// A generator for one model.
  /// - Parameter stopTokens: ids at which an answer ends.
  public init(model: VisionLanguageModel, stopTokens: Set<Int>, options: GenerationOptions) {
    self.model = model
    self.stopTokens = stopTokens
    self.options = options
    prefilter = LogitPrefilter(model.decoder.head, options)
  }

  /// Answers, as ids without the stop token.
  /// - Throws: as `generate`.
  public func answers(_ prompts: [ImageTextSequence], imageRows: Tensor?) throws -> [[Int]] {
    try generate(prompts, imageRows: imageRows).answers.map(\.tokens)
  }

  /// Answers prompts.
  ///
  /// - Parameters:
  ///   - prompts: sequences that end where the answer begins.
  ///   - imageRows: projected rows of the images that the prompts refer to, [images · rowsPerImage, D].
  ///   - onToken: told each token of each prompt as it is made; with several beams when the answer is complete.
  /// - Throws: `CarinaError.badData` when the model gives no finite logits, and what `onToken` throws.
  public func generate(
    _ prompts: [ImageTextSequence], imageRows: Tensor?,
    onToken: (_ prompt: Int, _ token: Int) throws -> Void = { _, _ in }
  ) throws -> GenerationResult {
    var result = GenerationResult(answers: [])
    guard options.beamCount > 1 else {
      if !prompts.isEmpty { try generateSideBySide(prompts, imageRows, &result, onToken) }
      try model.backend.throwFailure()
      return result
    }
    for (index, prompt) in prompts.enumerated() {
      let answer = try search(prompt, imageRows, &result)
      for token in answer.tokens { try onToken(index, token) }
      result.answers.append(answer)
    }
    return result
  }

  private func generateSideBySide(
    _ prompts: [ImageTextSequence], _ imageRows: Tensor?, _ result: inout GenerationResult,
    _ onToken: (Int, Int) throws -> Void
  ) throws {
    let empty = GeneratedAnswer(tokens: [], reachedEnd: false)
    result.answers = [GeneratedAnswer](repeating: empty, count: prompts.count)
    var (next, cache) = try prefill(prompts, imageRows, &result, read)
    let started = now()
    var active = Array(prompts.indices)
    var choosers = prompts.map { _ in TokenChooser(options) }
    let width = model.decoder.config.vocabularySize
    for made in 1...options.maximumNewTokens {
      var kept: [Int] = [], tokens: [Int] = []
      for (row, prompt) in active.enumerated() {
        let token: Int
        switch next {
        case .tokens(let tokens): token = tokens[row]
        case .logits(let logits):
          // A copy, since the chooser works in it.
          var values = Array(logits[row * width..<(row + 1) * width])
          token = values.withUnsafeMutableBufferPointer {
            choosers[prompt].choose($0, after: result.answers[prompt].tokens)
          }
        }
        guard !stopTokens.contains(token) else {
          result.answers[prompt].reachedEnd = true
          continue
        }
        result.answers[prompt].tokens.append(token)
        try onToken(prompt, token)
        kept.append(row)
        tokens.append(token)
      }
      guard !kept.isEmpty, made < options.maximumNewTokens else { break }
      if kept.count < active.count {
        cache = cache.keep(kept)
        active = kept.map { active[$0] }
      }
      next = try step(tokens, cache)
    }
    result.decodeSeconds += now() - started
  }

  /// One more token of each sequence, by the logit prefilter where it can be.
  private func step(_ tokens: [Int], _ cache: KeyValueCache) throws -> Next {
    let (found, logits) = model.backend.decoding(rows: tokens.count) { () -> ([Int]?, Tensor?) in
      let states = statesAfter(tokens, cache)
      let found = prefilter?.tokens(states)
      return (found, found == nil ? model.decoder.logits(states) : nil)
    }
    return try found.map(Next.tokens) ?? logits.map(read) ?? .tokens([])
  }

  /// Reads of logits what the choice needs: the positions of the largest where that is all.
  private func read(_ logits: Tensor) throws -> Next {
    guard options.picksLargest else { return .logits(try checked(logits).values) }
    let tokens = model.backend.argmaxRows(logits)
    try model.backend.throwFailure()
    guard tokens.allSatisfy({ $0 >= 0 }) else { throw notFinite }
    return .tokens(tokens.map(Int.init))
  }

  private func search(
    _ prompt: ImageTextSequence, _ imageRows: Tensor?, _ result: inout GenerationResult
  ) throws -> GeneratedAnswer {
    var (logits, cache) = try prefill([prompt], imageRows, &result, checked)
    let started = now()
    var search = BeamSearch(options, stopTokens: stopTokens)
    while true {
      let next = search.advance(logits)
      guard !next.isEmpty else { break }
      let rows = next.map(\.row)
      if rows != Array(cache.lengths.indices) { cache = cache.keep(rows) }
      logits = try continued(next.map(\.token), cache)
    }
    result.decodeSeconds += now() - started
    guard let best = search.best else {
      throw CarinaError(.internalFailure, "the beam search ended without an answer")
    }
    return best
  }

  /// What `read` makes of the logits after each prompt, and the cache that holds the prompts.
  private func prefill<Read>(
    _ prompts: [ImageTextSequence], _ imageRows: Tensor?, _ result: inout GenerationResult,
    _ read: (Tensor) throws -> Read
  ) throws -> (Read, KeyValueCache) {
    let started = now()
    let (x, lengths) = model.embed(prompts, imageRows: imageRows, tape: nil)
    let cache = KeyValueCache(
      model.decoder.config, sequenceCount: prompts.count,
      capacity: (lengths.max() ?? 0) + options.maximumNewTokens, on: model.backend)
    let states = model.decoder.hiddenStates(
      x, lengths: lengths, readCounts: lengths.map { _ in 1 }, mutualRuns: model.mutualRuns(of: prompts),
      cache: cache, tape: nil)
    let found = try read(model.decoder.logits(states))
    result.prefillSeconds += now() - started
    return (found, cache)
  }

  /// Logits after one more token of each sequence.
  private func continued(_ tokens: [Int], _ cache: KeyValueCache) throws -> Tensor {
    try checked(
      model.backend.decoding(rows: tokens.count) { model.decoder.logits(statesAfter(tokens, cache)) })
  }

  private func statesAfter(_ tokens: [Int], _ cache: KeyValueCache) -> Tensor {
    model.decoder.hiddenStates(
      model.decoder.embed(tokens, tape: nil), lengths: tokens.map { _ in 1 }, cache: cache, tape: nil)
  }

  private func checked(_ logits: Tensor) throws -> Tensor {
    let width = logits.width
    let isFinite = logits.withHostFloats { numbers in
      (0..<logits.rows).allSatisfy {
        TokenRanking.maximum(UnsafeBufferPointer(rebasing: numbers[$0 * width..<($0 + 1) * width])).isFinite
      }
    }
    try model.backend.throwFailure()
    guard isFinite else { throw notFinite }
    return logits
  }

  private var notFinite: CarinaError {
    CarinaError(
      .badData, "the model computes no finite numbers for this image and question",
      remedy: "Its weights are damaged or belong to another configuration.")
  }

  private func now() -> Double { ProcessInfo.processInfo.systemUptime }
}
