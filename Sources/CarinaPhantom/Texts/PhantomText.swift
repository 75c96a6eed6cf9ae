import CarinaRuntime

/// Writes about scenes.
public enum PhantomText {
  /// The question to which the caption is the answer.
  package static let reportRequest = "Write the report of this radiograph."

  /// A report-like caption: every statement of the scene once, in an order that follows from what is seen.
  ///
  /// A portable image is reported device first, an upright one heart first and device last; what is found comes
  /// before what is absent in its section. In one caption of eight the pleura comes before the lungs.
  public static func caption(_ scene: PhantomScene) -> String {
    let findings = scene.findings
    var lungs = [PhantomStatement.consolidation(findings), PhantomStatement.nodule(findings)]
    if findings.consolidation == nil, findings.nodule != nil { lungs.reverse() }
    var pleura = [PhantomStatement.effusion(findings), PhantomStatement.pneumothorax(findings)]
    if findings.effusion == nil, findings.pneumothorax != nil { pleura.reverse() }
    var random = SeededGenerator(seed: scene.wordingSeed, stream: "caption")
    let chest = random.integer(below: 8) == 0 ? pleura + lungs : lungs + pleura
    let heart = [PhantomStatement.heart(findings)]
    let device = [PhantomStatement.device(findings)]
    let body = scene.view == .ap ? device + heart + chest : heart + chest + device
    return ([PhantomStatement.view(scene)] + body + [PhantomStatement.impression(findings)]).joined(separator: " ")
  }

  /// Every question that the image can answer, in a fixed order.
  ///
  /// The answer depends on the scene and the kind of question alone; the phrasing is chance and says nothing of it.
  public static func questions(_ scene: PhantomScene) -> [PhantomQuestion] {
    var random = SeededGenerator(seed: scene.wordingSeed, stream: "questions")
    return PhantomQuestionKind.allCases.compactMap { kind in
      // Drawn for every kind, so that what the image shows does not move the phrasing of later ones.
      let phrasing = random.pick(kind.phrasings)
      return kind.answer(scene).map { PhantomQuestion(kind: kind, text: phrasing, answer: $0) }
    }
  }
}
