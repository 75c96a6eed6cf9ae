import CarinaRuntime

/// Draws patients: a build, then one to three studies in which findings come, grow, shrink and go.
///
/// Patient `i` of a seed is always the same, however many are drawn and in whatever order.
public struct PhantomSampler: Sendable {
  private let seed: UInt64

  /// A sampler; equal seeds give equal patients.
  public init(seed: UInt64) { self.seed = seed }

  /// The studies of patient number `index`, one to three.
  package func patient(_ index: Int) -> [PhantomScene] {
    var random = SeededGenerator(seed: seed, stream: "phantom patient \(index)")
    let number = String(index + 1)
    let name = "p" + String(repeating: "0", count: max(0, 5 - number.count)) + number
    let anatomy = Self.anatomy(&random)
    let studies = random.pick([1, 1, 2, 2, 3])
    var findings = random.uniform() < 0.14 ? PhantomFindings() : Self.firstFindings(&random)
    return (1...studies).map { study in
      if study > 1 { findings = Self.followUp(of: findings, &random) }
      let view: PhantomView = random.uniform() < 0.5 ? .ap : .pa
      return PhantomScene(
        patient: name, study: study, view: view, anatomy: anatomy,
        acquisition: Self.acquisition(view, &random), findings: findings, wordingSeed: random.next())
    }
  }

  /// The first `count` scenes, patient after patient; the last patient may lose follow-ups.
  public func scenes(_ count: Int) -> [PhantomScene] {
    var scenes: [PhantomScene] = []
    var index = 0
    while scenes.count < count {
      scenes += patient(index)
      index += 1
    }
    return Array(scenes.prefix(count))
  }

  private static func anatomy(_ random: inout SeededGenerator) -> PhantomAnatomy {
    PhantomAnatomy(
      lungHalfWidth: random.uniform(in: 0.355..<0.4), apexHeight: random.uniform(in: 0.085..<0.12),
      domeHeight: random.uniform(in: 0.68..<0.72), domeDifference: random.uniform(in: 0.01..<0.035),
      wall: random.uniform(in: 0.04..<0.08), ribSpacing: random.uniform(in: 0.06..<0.07),
      ribFall: random.uniform(in: 0.1..<0.14), boneDensity: random.uniform(in: 0.8..<1.15),
      normalRatio: random.uniform(in: 0.4..<0.45), enlargedRatio: random.uniform(in: 0.575..<0.635),
      heartTilt: random.uniform(in: 0.5..<0.75), mediastinum: random.uniform(in: 0.06..<0.075),
      aorticKnob: random.uniform(in: 0.035..<0.05), gastricBubble: random.uniform(in: 0.7..<1.2),
      breast: random.uniform() < 0.4 ? random.uniform(in: 0.3..<0.9) : 0, vesselSeed: random.next())
  }

  private static func acquisition(_ view: PhantomView, _ random: inout SeededGenerator) -> PhantomAcquisition {
    let expiration = view == .ap ? random.uniform(in: 0.05..<0.085) : random.uniform(in: 0..<0.02)
    return PhantomAcquisition(
      rotation: random.uniform(in: -0.035..<0.035), shiftX: random.uniform(in: -0.02..<0.02),
      shiftY: random.uniform(in: -0.02..<0.02), zoom: random.uniform(in: 0.96..<1.03),
      turn: random.uniform(in: -0.03..<0.03), expiration: expiration, exposure: random.uniform(in: 0.93..<1.07),
      gamma: random.uniform(in: 0.9..<1.1), noise: random.uniform(in: 0.006..<0.016),
      noiseSeed: random.next(), findingOffsets: (0..<8).map { _ in random.uniform(in: -1..<1) })
  }

  private static func firstFindings(_ random: inout SeededGenerator) -> PhantomFindings {
    var findings = PhantomFindings()
    findings.cardiomegaly = random.uniform() < 0.45
    if random.uniform() < 0.42 { findings.effusion = newEffusion(&random) }
    if random.uniform() < 0.28 { findings.pneumothorax = random.pick(PhantomSide.allCases) }
    if random.uniform() < 0.45 { findings.consolidation = newZone(&random) }
    if random.uniform() < 0.4 { findings.nodule = newZone(&random) }
    findings.device = newDevice(&random)
    return reconciled(findings, &random)
  }

  /// Effusions, consolidations and devices come and go, air is drained; hearts and nodules mostly stay.
  private static func followUp(of earlier: PhantomFindings, _ random: inout SeededGenerator) -> PhantomFindings {
    var findings = earlier
    if random.uniform() < 0.12 { findings.cardiomegaly.toggle() }
    switch findings.effusion {
    case let effusion?:
      let amounts = PhantomEffusion.Amount.allCases.filter { $0 != effusion.amount }
      if random.uniform() < 0.25 {
        findings.effusion = nil
      } else if random.uniform() < 0.6 {
        findings.effusion?.amount = random.pick(amounts)
      }
    case nil: if random.uniform() < 0.25 { findings.effusion = newEffusion(&random) }
    }
    if findings.pneumothorax != nil {
      if random.uniform() < 0.45 { findings.pneumothorax = nil }
    } else if random.uniform() < 0.15 {
      findings.pneumothorax = random.pick(PhantomSide.allCases)
    }
    if findings.consolidation != nil {
      if random.uniform() < 0.4 { findings.consolidation = nil }
    } else if random.uniform() < 0.28 {
      findings.consolidation = newZone(&random)
    }
    if findings.nodule == nil, random.uniform() < 0.12 { findings.nodule = newZone(&random) }
    if random.uniform() < 0.5 { findings.device = newDevice(&random) }
    return reconciled(findings, &random)
  }

  private static func newEffusion(_ random: inout SeededGenerator) -> PhantomEffusion {
    PhantomEffusion(random.pick(PhantomSide.allCases), random.pick(PhantomEffusion.Amount.allCases))
  }

  /// Lower zones twice as often as others: fluid and a large heart drive many findings from there.
  private static func newZone(_ random: inout SeededGenerator) -> PhantomZone {
    PhantomZone(random.pick(PhantomSide.allCases), random.pick([.upper, .mid, .lower, .lower]))
  }

  private static func newDevice(_ random: inout SeededGenerator) -> PhantomDevice? {
    let side = random.pick(PhantomSide.allCases)
    return random.pick([nil, .endotrachealTube, .gastricTube, .centralLine(side), .pacemaker(side), nil])
  }

  /// Moves or drops what another finding would hide, so that all that is reported can be seen.
  private static func reconciled(
    _ wished: PhantomFindings, _ random: inout SeededGenerator
  ) -> PhantomFindings {
    var findings = wished
    if let effusion = findings.effusion, findings.pneumothorax == effusion.side {
      findings.pneumothorax = effusion.side.opposite
    }
    let visible = PhantomZone.all.filter { isVisible($0, findings) }
    if let zone = findings.consolidation, !visible.contains(zone) {
      findings.consolidation = visible.isEmpty ? nil : random.pick(visible)
    }
    let free = visible.filter { zone in
      if zone == findings.consolidation { return false }
      if case .pacemaker(let side) = findings.device, zone == PhantomZone(side, .upper) { return false }
      return true
    }
    if let zone = findings.nodule, !free.contains(zone) {
      findings.nodule = free.isEmpty ? nil : random.pick(free)
    }
    return findings
  }

  private static func isVisible(_ zone: PhantomZone, _ findings: PhantomFindings) -> Bool {
    if findings.pneumothorax == zone.side { return false }
    if zone == PhantomZone(.left, .lower), findings.cardiomegaly { return false }
    guard let effusion = findings.effusion, effusion.side == zone.side else { return true }
    switch effusion.amount {
    case .small: return zone.height != .lower
    case .moderate: return zone.height == .upper
    case .large: return false
    }
  }
}
