import CarinaRuntime

/// Samples with other images in the place of their own.
struct ArmSamples: TrainingSamples {
  /// Whose texts they are.
  let base: ShardSamples
  /// Whose images are shown.
  let arm: EvaluatorArm
  /// From the images of a sample to those that are shown instead, in the arm `shuffled`.
  let partners: ShuffledImages?

  var count: Int { base.count }

  func text(_ sample: Int) -> (question: String, answer: String) { base.text(sample) }

  func name(of sample: Int) -> String { base.name(of: sample) }

  func images(of sample: Int) -> [Int] {
    let own = base.images(of: sample)
    return switch arm {
    case .trueImage: own
    case .shuffled: partners?.partner[own] ?? own
    // All blank images are one.
    case .blank: own.map { _ in 0 }
    }
  }

  func pixels(image: Int) throws -> [Float] {
    let size = base.transform.size
    return arm == .blank ? [Float](repeating: 0, count: 3 * size * size) : try base.pixels(image: image)
  }
}
