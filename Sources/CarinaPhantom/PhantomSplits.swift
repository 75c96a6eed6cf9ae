import CarinaRuntime

/// Shares of a collection by patient: no patient is in two of them.
public struct PhantomSplits: Sendable {
  /// The names of the shares, as records and files have them.
  public static let names = ["train", "val", "test"]
  /// The part of the images that is for validation.
  package var validation: Double
  /// The part of the images that is held out.
  package var test: Double

  /// Shares for validation and test; the rest is for training.
  /// - Throws: `CarinaError.usage` when a share is negative or nothing is left for training.
  public init(validation: Double = 0.05, test: Double = 0.15) throws {
    guard validation >= 0, test >= 0, validation + test < 1 else {
      throw CarinaError(
        .usage, "the shares leave nothing for training", expected: "two numbers of at least 0 with a sum below 1",
        found: "validation \(validation), test \(test)")
    }
    self.validation = validation
    self.test = test
  }

  /// The share of each patient: patients in an order shuffled by `seed` fill first the test, then the validation
  /// share, until each has its part of the images; the rest trains.
  package func assign(_ scenes: [PhantomScene], seed: UInt64) -> [String: String] {
    var studies: [String: Int] = [:]
    var patients: [String] = []
    for scene in scenes {
      if studies[scene.patient] == nil { patients.append(scene.patient) }
      studies[scene.patient, default: 0] += 1
    }
    var random = SeededGenerator(seed: seed, stream: "phantom splits")
    var left = [("test", test), ("val", validation)].map { (name: $0.0, images: $0.1 * Double(scenes.count)) }
    var result: [String: String] = [:]
    for index in random.permutation(patients.count) {
      let patient = patients[index]
      if let share = left.indices.first(where: { left[$0].images >= 0.5 }) {
        result[patient] = left[share].name
        left[share].images -= Double(studies[patient] ?? 0)
      } else {
        result[patient] = "train"
      }
    }
    return result
  }
}
