import Carina
import Testing

@Suite struct PhantomTextTests {
  @Test("a caption is the statements of its scene, each once, and its sentences can be told apart")
  func captions() {
    var texts: Set<String> = []
    var orders: Set<[Int]> = []
    for scene in PhantomSampler(seed: 2).scenes(1000) {
      let sentences = PhantomText.sentences(of: PhantomText.caption(scene))
      #expect(sentences.sorted() == scene.statements.sorted())
      texts.formUnion(sentences)
      orders.insert(sentences.compactMap { scene.statements.firstIndex(of: $0) })
    }
    #expect((60...90).contains(texts.count))
    #expect(orders.count >= 8)
  }

  @Test("a statement is a predicate: scenes with equal findings and view have equal statements")
  func predicates() {
    var seen: [PhantomFindings: [String]] = [:]
    for scene in PhantomSampler(seed: 4).scenes(2000) {
      let own = Array(scene.statements.dropFirst())
      if let earlier = seen[scene.findings] { #expect(own == earlier) } else { seen[scene.findings] = own }
    }
  }

  @Test("answers come from the list of their kind, and every answer occurs")
  func answers() {
    var seen: [PhantomQuestionKind: Set<String>] = [:]
    for scene in PhantomSampler(seed: 6).scenes(2000) {
      for question in PhantomText.questions(scene) {
        #expect(question.kind.answers.contains(question.answer))
        #expect(question.kind.phrasings.contains(question.text))
        seen[question.kind, default: []].insert(question.answer)
      }
    }
    for kind in PhantomQuestionKind.allCases { #expect(seen[kind] == Set(kind.answers)) }
    let texts = PhantomQuestionKind.allCases.flatMap(\.phrasings)
    #expect(Set(texts).count == texts.count)
  }

  @Test("a question that presupposes a finding is only asked where it is")
  func presuppositions() {
    for scene in PhantomSampler(seed: 7).scenes(300) {
      let kinds = Set(PhantomText.questions(scene).map(\.kind))
      #expect(kinds.contains(.effusionSide) == (scene.findings.effusion != nil))
      #expect(kinds.contains(.pneumothoraxSide) == (scene.findings.pneumothorax != nil))
      #expect(kinds.contains(.consolidationZone) == (scene.findings.consolidation != nil))
      #expect(kinds.contains(.noduleZone) == (scene.findings.nodule != nil))
    }
  }

  @Test(
    "the question alone is worth no more than a guess", arguments: [PhantomSampler(seed: 1), PhantomSampler(seed: 8)])
  func balance(sampler: PhantomSampler) {
    var ledger = PhantomQuestionLedger()
    var byText: [Bool: [String: [String: Int]]] = [:]
    var byKind: [PhantomQuestionKind: [String: Int]] = [:]
    var total = 0
    let scenes = sampler.scenes(2000)
    for scene in scenes {
      for question in ledger.choose(scene) {
        byText[question.kind.isClosed, default: [:]][question.text, default: [:]][question.answer, default: 0] += 1
        byKind[question.kind, default: [:]][question.answer, default: 0] += 1
        total += 1
      }
    }
    #expect(Double(total) / Double(scenes.count) > 5)
    for kind in PhantomQuestionKind.allCases {
      let counts = kind.answers.map { byKind[kind]?[$0] ?? 0 }
      let rarest = counts.min() ?? 0
      #expect((counts.max() ?? 0) <= rarest + 2 + (kind.isClosed ? 0 : rarest / 4))
      #expect(counts.reduce(0, +) > 100)
    }
    func floor(_ isClosed: Bool) -> Double {
      let tables = byText[isClosed, default: [:]].values
      let hits = tables.map { $0.values.max() ?? 0 }.reduce(0, +)
      return Double(hits) / Double(tables.flatMap(\.values).reduce(0, +))
    }
    #expect(floor(true) < 0.54)
    #expect(floor(false) < 0.27)
  }

  @Test("what the image shows says little about what is asked of it next")
  func sidesAreIndependent() {
    let scenes = PhantomSampler(seed: 3).scenes(4000)
    for view in PhantomView.allCases {
      let sides = scenes.filter { $0.view == view }.compactMap { $0.findings.effusion?.side }
      let left = Double(sides.filter { $0 == .left }.count) / Double(sides.count)
      #expect(abs(left - 0.5) < 0.06)
    }
  }
}

extension PhantomScene {
  /// The sentences that are true of the image: one for each of view, heart, consolidation, nodule, effusion,
  /// pneumothorax, device and impression, in this order.
  fileprivate var statements: [String] {
    [
      PhantomStatement.view(self), PhantomStatement.heart(findings), PhantomStatement.consolidation(findings),
      PhantomStatement.nodule(findings), PhantomStatement.effusion(findings), PhantomStatement.pneumothorax(findings),
      PhantomStatement.device(findings), PhantomStatement.impression(findings),
    ]
  }
}

extension PhantomText {
  /// The sentences of a caption: what ends with a full stop, in order.
  fileprivate static func sentences(of caption: String) -> [String] {
    caption.split(separator: ".", omittingEmptySubsequences: true).compactMap { part in
      let words = part.split(whereSeparator: \.isWhitespace)
      return words.isEmpty ? nil : words.joined(separator: " ") + "."
    }
  }
}
