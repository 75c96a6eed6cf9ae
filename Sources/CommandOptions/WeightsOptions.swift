import ArgumentParser
import Carina

/// The choice of `--weights`.
public struct WeightsOptions: ParsableArguments {
  /// full or int8.
  @Option(
    name: .long,
    help: "The language model's matrices: full, as --precision says, or int8 with one scale a row, for faster answers.")
  public var weights = WeightStorage.full
  /// full or int8 for the vision encoder.
  @Option(
    FrozenWeightsSettingList.declared.vision.worded(
      "The vision encoder's matrices: full, or int8, rows of bytes in half the memory and time."))
  public var visionWeights: WeightStorage
  /// Where the rounded matrices are kept.
  @Option(
    name: .customLong("cache-int8-weights"),
    help: ArgumentHelp(
      "With --weights int8: round the matrices once and keep them in this file, which is mapped from then on.",
      valueName: "file"))
  public var cacheInt8Weights: String?

  /// The default.
  public init() {}

  /// What of them asks for products of bytes.
  public var rounded: [String] {
    [("--weights", weights), ("--vision-weights", visionWeights)].filter { $0.1 == .int8 }.map { "\($0.0) int8" }
  }

  /// Refuses a file for matrices that are not rounded.
  /// - Throws: `CarinaError.usage`.
  public func check() throws {
    guard cacheInt8Weights == nil || weights == .int8 else {
      throw CarinaError(.usage, "--cache-int8-weights belongs to --weights int8", remedy: "Add that, or leave it out.")
    }
  }

  /// Writes what the command line gave into what a model will be asked.
  public func apply(to demand: inout AnswerDemand) {
    demand.weights = weights
    demand.visionWeights = visionWeights
    demand.keepsRoundedWeights = cacheInt8Weights != nil
  }

  /// Rounds the matrices of a loaded model where that was asked for, or maps those that were rounded before.
  /// - Returns: what there is to say of it, for the log.
  /// - Throws: as `check` and `AnsweringModel.quantizeWeights`.
  public func apply(to answering: AnsweringModel) throws -> String? {
    try check()
    if visionWeights == .int8 { answering.multiplyVisionInBytes() }
    return weights == .int8 ? try answering.quantizeWeights(keptIn: cacheInt8Weights) : nil
  }

  /// Lines for the run's header.
  public var header: [(name: String, value: String)] {
    [("weights", weights.rawValue), ("vision-weights", visionWeights.rawValue)]
      + (cacheInt8Weights.map { [("cache-int8-weights", $0)] } ?? [])
  }
}
