import ArgumentParser
import Carina

/// The choice of `--weights`.
public struct WeightsOptions: ParsableArguments {
  /// full or int8.
  @Option(
    name: .long,
    help: "The language model's matrices: full, as --precision says, or int8 with one scale a row, for faster answers.")
  public var weights = WeightStorage.full

  /// The default.
  public init() {}

  /// Rounds the matrices of a loaded model where that was asked for.
  public func apply(to model: VisionLanguageModel) {
    if weights == .int8 { model.decoder.quantizeWeights() }
  }

  /// A line for the run's header.
  public var header: [(name: String, value: String)] { [("weights", weights.rawValue)] }
}
