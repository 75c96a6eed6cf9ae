import CarinaRuntime

/// Chooses the questions of each image so that, over a collection, every answer to a kind of question occurs about
/// equally often. Then neither the question nor the commonest answer is worth more than a guess.
package struct PhantomQuestionLedger: Sendable {
  private var counts: [PhantomQuestionKind: [String: Int]] = [:]
  private var asked: [PhantomQuestionKind: Int] = [:]

  /// A ledger without entries; keep one for each split.
  package init() {}

  /// Chooses at most `closed` closed and `open` open questions about a scene, and fills what one sort lacks from
  /// the other; enters them. The result keeps the order of `PhantomText.questions`.
  package mutating func choose(_ scene: PhantomScene, closed: Int = 3, open: Int = 3) -> [PhantomQuestion] {
    let questions = PhantomText.questions(scene)
    var random = SeededGenerator(seed: scene.wordingSeed, stream: "choice")
    let order = random.permutation(questions.count).filter { isAdmissible(questions[$0]) }
    // Kinds that were asked less come first; chance decides between equals.
    let ranked = order.enumerated().sorted { a, b in
      let (left, right) = (asked[questions[a.element].kind, default: 0], asked[questions[b.element].kind, default: 0])
      return left != right ? left < right : a.offset < b.offset
    }.map(\.element)
    var chosen: Set<Int> = []
    for isClosed in [false, true] {
      let same = ranked.filter { questions[$0].kind.isClosed == isClosed }
      chosen.formUnion(same.prefix(isClosed ? closed : open))
    }
    let missing = closed + open - chosen.count
    if missing > 0 { chosen.formUnion(ranked.filter { !chosen.contains($0) }.prefix(missing)) }
    let result = chosen.sorted().map { questions[$0] }
    for question in result {
      counts[question.kind, default: [:]][question.answer, default: 0] += 1
      asked[question.kind, default: 0] += 1
    }
    return result
  }

  private func isAdmissible(_ question: PhantomQuestion) -> Bool {
    let counts = counts[question.kind] ?? [:]
    let rarest = question.kind.answers.map { counts[$0] ?? 0 }.min() ?? 0
    // Two answers are kept level. Among many, a quarter of play leaves the commonest still a poor guess, and more
    // questions can be asked.
    return (counts[question.answer] ?? 0) <= rarest + 1 + (question.kind.isClosed ? 0 : rarest / 4)
  }
}
