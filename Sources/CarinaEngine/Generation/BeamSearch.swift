import CarinaTensor
import Foundation

/// Beam search for one answer, with the scores and the end of transformers' `generate`.
///
/// A beam's score is the sum of its tokens' log probabilities. Of each step's candidates, best first, those that end
/// count as answers when they are among the first `beamCount`, with their score divided by length^`lengthPenalty`, the
/// stop token counted; the best `beamCount` of the others go on. The search ends when there are `beamCount` answers and
/// the best beam, at its present length, scores no better than the worst of them (`early_stopping=False`), or at the
/// limit of tokens, where all beams end.
struct BeamSearch {
  private struct Beam {
    let tokens: [Int]
    let score: Double
  }

  private struct Candidate {
    let beam: Int, token: Int
    let score: Double
  }

  private let options: GenerationOptions
  private let stopTokens: Set<Int>
  private var running = [Beam(tokens: [], score: 0)]
  private var finished: [(answer: GeneratedAnswer, score: Double)] = []

  init(_ options: GenerationOptions, stopTokens: Set<Int>) {
    self.options = options
    self.stopTokens = stopTokens
  }

  /// The best answer so far.
  var best: GeneratedAnswer? { finished.first?.answer }

  /// Takes the logits after each running beam, one row each, and moves on by a token. The logits are changed.
  /// - Returns: for each beam that goes on the row it comes from and its new token; nothing when the search is over.
  mutating func advance(_ logits: Tensor) -> [(row: Int, token: Int)] {
    let candidates = candidates(logits)
    let length = (running.first?.tokens.count ?? 0) + 1
    let divisor = pow(Double(length), options.lengthPenalty)
    var next: [Candidate] = []
    for (rank, candidate) in candidates.enumerated() {
      let stops = stopTokens.contains(candidate.token)
      if !stops && length < options.maximumNewTokens {
        if next.count < options.beamCount { next.append(candidate) }
      } else if rank < options.beamCount {
        let tokens = running[candidate.beam].tokens + (stops ? [] : [candidate.token])
        finish(GeneratedAnswer(tokens: tokens, reachedEnd: stops), score: candidate.score / divisor)
      }
    }
    running = next.map { Beam(tokens: running[$0.beam].tokens + [$0.token], score: $0.score) }
    guard let leader = running.first else { return [] }
    if finished.count == options.beamCount, leader.score / divisor <= finished[finished.count - 1].score { return [] }
    return next.map { ($0.beam, $0.token) }
  }

  /// The best continuations of all beams, falling: enough that `beamCount` are left when all that can stop do.
  private func candidates(_ logits: Tensor) -> [Candidate] {
    let wanted = options.beamCount * (1 + max(1, stopTokens.count))
    let sums = logSumExp(logits)
    var candidates: [Candidate] = []
    var all = logits.values
    for (beam, state) in running.enumerated() {
      all.withUnsafeMutableBufferPointer { all in
        let row = UnsafeMutableBufferPointer(rebasing: all[beam * logits.width..<(beam + 1) * logits.width])
        RepetitionPenalty.apply(options.repetitionPenalty, to: row, made: state.tokens, zero: sums[beam])
        for token in TokenRanking.largest(wanted, of: UnsafeBufferPointer(row)) {
          candidates.append(
            Candidate(beam: beam, token: token, score: state.score + Double(row[token]) - Double(sums[beam])))
        }
      }
    }
    candidates.sort { $0.score != $1.score ? $0.score > $1.score : ($0.beam, $0.token) < ($1.beam, $1.token) }
    return Array(candidates.prefix(wanted))
  }

  private mutating func finish(_ answer: GeneratedAnswer, score: Double) {
    let index = finished.firstIndex { $0.score < score } ?? finished.count
    finished.insert((answer, score), at: index)
    if finished.count > options.beamCount { finished.removeLast() }
  }
}
