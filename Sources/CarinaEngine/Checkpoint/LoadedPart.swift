/// A model that was read from disk, with what there is to say about the reading.
public struct LoadedPart<Model> {
  /// The model, all weights frozen.
  public let model: Model
  /// Where it came from.
  public let directory: ModelDirectory
  /// Its weights, which stay mapped as long as the model uses them in place.
  package let weights: WeightsDirectory
  /// How their files name the tensors.
  package let format: TensorFormat
  /// Keys of its configuration that were neither read nor known to be harmless, for the log.
  public let unknownKeys: [String]
  /// What was accepted in its configuration although it cannot be meant, each a sentence.
  package let configRemarks: [String]
  /// What the strict loader took and left.
  package let summary: StrictLoader.Summary

  /// Its tensors as the files hold them.
  var tensors: StoredTensors { StoredTensors(weights, format) }

  /// What there is to say about the reading besides unknown keys, for the log: a short line each.
  package var remarks: [String] { configRemarks + summary.remarks.map { "\(directory.reference): \($0)" } }
}
