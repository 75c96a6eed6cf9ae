/// What can be asked of an image. The raw value is the `question_type` of the records.
public enum PhantomQuestionKind: String, CaseIterable, Sendable {
  case heartSize = "heart-size"
  case effusionPresence = "effusion-presence"
  case pneumothoraxPresence = "pneumothorax-presence"
  case consolidationPresence = "consolidation-presence"
  case nodulePresence = "nodule-presence"
  case devicePresence = "device-presence"
  case tubePresence = "tube-presence"
  case linePresence = "line-presence"
  case normality
  case view
  case effusionSide = "effusion-side"
  case pneumothoraxSide = "pneumothorax-side"
  case consolidationSide = "consolidation-side"
  case noduleSide = "nodule-side"
  case consolidationZone = "consolidation-zone"
  case noduleZone = "nodule-zone"
  case effusionAmount = "effusion-amount"
  case device
  case pleura
  case abnormality

  /// Whether the answer is one of two that the question names or implies.
  package var isClosed: Bool {
    switch self {
    case .consolidationZone, .noduleZone, .effusionAmount, .device, .pleura, .abnormality: false
    default: true
    }
  }

  /// `CLOSED` or `OPEN`, the `answer_type` of the records.
  public var answerType: String { isClosed ? "CLOSED" : "OPEN" }

  /// Every answer that there is.
  public var answers: [String] {
    switch self {
    case .view: return PhantomView.allCases.map(\.rawValue)
    case .effusionSide, .pneumothoraxSide, .consolidationSide, .noduleSide:
      return PhantomSide.allCases.map(\.rawValue)
    case .consolidationZone, .noduleZone: return PhantomZone.all.map(\.name)
    case .effusionAmount: return PhantomEffusion.Amount.allCases.map(\.rawValue)
    case .device: return ["none", "endotracheal tube", "gastric tube", "central line", "pacemaker"]
    case .pleura:
      return ["normal"]
        + PhantomSide.allCases.flatMap { side in
          PhantomEffusion.Amount.allCases.map { "\($0.rawValue) \(side.rawValue) effusion" } + [
            "\(side.rawValue) pneumothorax"
          ]
        }
    case .abnormality:
      return ["none", "cardiomegaly", "consolidation", "pulmonary nodule", "pleural effusion", "pneumothorax"]
    default: return ["yes", "no"]
    }
  }

  /// The answer that a scene gives, nil where the question presupposes what is not there or has no single answer.
  package func answer(_ scene: PhantomScene) -> String? {
    let findings = scene.findings
    func yes(_ condition: Bool) -> String { condition ? "yes" : "no" }
    switch self {
    case .heartSize: return yes(findings.cardiomegaly)
    case .effusionPresence: return yes(findings.effusion != nil)
    case .pneumothoraxPresence: return yes(findings.pneumothorax != nil)
    case .consolidationPresence: return yes(findings.consolidation != nil)
    case .nodulePresence: return yes(findings.nodule != nil)
    case .devicePresence: return yes(findings.device != nil)
    case .tubePresence: return yes(findings.device == .endotrachealTube)
    case .linePresence:
      if case .centralLine = findings.device { return "yes" }
      return "no"
    case .normality:
      // A device on an otherwise normal image would make the answer a matter of taste.
      if findings.abnormalities.isEmpty, findings.device != nil { return nil }
      return yes(findings.abnormalities.isEmpty)
    case .view: return scene.view.rawValue
    case .effusionSide: return findings.effusion?.side.rawValue
    case .pneumothoraxSide: return findings.pneumothorax?.rawValue
    case .consolidationSide: return findings.consolidation?.side.rawValue
    case .noduleSide: return findings.nodule?.side.rawValue
    case .consolidationZone: return findings.consolidation?.name
    case .noduleZone: return findings.nodule?.name
    case .effusionAmount: return findings.effusion?.amount.rawValue
    case .device: return findings.device?.name ?? "none"
    case .pleura:
      switch (findings.effusion, findings.pneumothorax) {
      case (nil, nil): return "normal"
      case (let effusion?, nil): return "\(effusion.amount.rawValue) \(effusion.side.rawValue) effusion"
      case (nil, let side?): return "\(side.rawValue) pneumothorax"
      case (_?, _?): return nil
      }
    case .abnormality:
      let names = findings.abnormalities
      return names.count > 1 ? nil : names.first ?? "none"
    }
  }
}
