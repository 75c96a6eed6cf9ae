import CarinaRuntime

/// What one scores without looking at the image: the floor to be printed beside an accuracy.
public struct CommonestAnswer: Equatable, Sendable {
  /// Share of the answers that the strategy gets right.
  public var value: Double
  /// How many answers it is a share of.
  public var n: Int
  /// The answer always given, where it is one for all; of several spellings that count as equal the commonest.
  public var answer: String?

  /// A floor over `n` answers; `answer` where all of them get the same.
  public init(value: Double, n: Int, answer: String? = nil) {
    self.value = value
    self.n = n
    self.answer = answer
  }

  /// The floors of each accuracy metric: metric name → strategy → floor.
  ///
  /// Strategies: `always` gives the commonest answer of all the metric's answers; `by-question-type` the commonest of
  /// each question type; `by-question` the commonest of each question text, which is what a model that
  /// reads but does not see can reach. "Commonest" is taken from the very references that are scored, so a real
  /// strategy, which has to take it from training data, does no better. Ties go to the text that comes first.
  static func floors(_ answers: [ScoredAnswer], _ cache: TokenCache) -> [String: [String: CommonestAnswer]] {
    let sets: [(String, [ScoredAnswer])] = [
      ("closed-accuracy", answers.filter(\.isClosed)), ("exact-match-open", answers.filter(\.isOpen)),
      ("exact-match", answers),
    ]
    var result: [String: [String: CommonestAnswer]] = [:]
    for (name, answers) in sets where !answers.isEmpty {
      var floors = ["always": floor(answers, cache) { _ in "" }]
      if answers.contains(where: { $0.questionType != nil }) {
        floors["by-question-type"] = floor(answers, cache) { $0.questionType ?? "" }
      }
      if answers.contains(where: { !$0.question.isEmpty }) {
        floors["by-question"] = floor(answers, cache) { cache.normalized($0.question) }
      }
      result[name] = floors
    }
    return result
  }

  private static func floor(
    _ answers: [ScoredAnswer], _ cache: TokenCache, by key: (ScoredAnswer) -> String
  ) -> CommonestAnswer {
    var right = 0
    var choices: [String] = []
    for group in Dictionary(grouping: answers, by: { ExactText(key($0)) }).values {
      var counts: [ExactText: Int] = [:]
      for answer in group {
        for text in Set(answer.references.map { ExactText(cache.normalized($0)) }) { counts[text, default: 0] += 1 }
      }
      guard let best = counts.min(by: { ($1.value, $0.key) < ($0.value, $1.key) }) else { continue }
      right += best.value
      choices.append(spelling(of: best.key.text, group, cache))
    }
    return CommonestAnswer(
      value: Double(right) / Double(answers.count), n: answers.count, answer: choices.count == 1 ? choices[0] : nil)
  }

  /// How the references that normalise to a text write it most often; ties go to the text that comes first.
  private static func spelling(of normal: String, _ answers: [ScoredAnswer], _ cache: TokenCache) -> String {
    var counts: [ExactText: Int] = [:]
    for reference in answers.flatMap(\.references) where cache.normalized(reference).isExactly(normal) {
      counts[ExactText(reference), default: 0] += 1
    }
    return counts.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key.text ?? normal
  }
}
