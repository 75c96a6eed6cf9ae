import CarinaMetrics
import CarinaRuntime

/// What an evaluation is asked to do.
public struct EvaluatorOptions: Sendable {
  /// Where predictions, metrics and the unfinished part go.
  public var outputDirectory: String
  /// Evaluates only so many samples, from the start; nil for all.
  public var limit: Int?
  /// Whose pixels are shown.
  public var arms: [EvaluatorArm] = [.trueImage]
  /// Whether the likelihood of the references is taken too.
  public var withLikelihood = false
  /// Bootstrap resamples behind each interval; 0 for none.
  public var replicates = 1000
  /// Questions that are answered side by side.
  public var batchSize = 32
  /// Seed of the resampling and of the choice of shuffled images.
  public var seed: UInt64 = 0
  /// How answers are made.
  public var generation = GenerationOptions()

  /// The file in which the vision features are kept; nil computes them for every batch.
  public var featureCache: String?

  /// What cannot be left out.
  public init(outputDirectory: String) { self.outputDirectory = outputDirectory }

  /// Refuses numbers with which nothing can be evaluated.
  /// - Throws: `CarinaError.usage` naming the option.
  public func validate() throws {
    func require(_ holds: Bool, _ option: String, _ expected: String, _ found: Int) throws {
      guard !holds else { return }
      throw CarinaError(.usage, "\(option) cannot be used", expected: expected, found: "\(found)")
    }
    try require(limit ?? 1 >= 1, "--limit", "at least 1", limit ?? 0)
    try require(Bootstrap.allowed.contains(replicates), "--bootstrap", "0 to 1000000 resamples", replicates)
    try require(batchSize >= 1, "--batch-size", "at least 1", batchSize)
    guard arms.contains(.trueImage) else {
      throw CarinaError(.usage, "--arms cannot be used", expected: "true among them")
    }
    try generation.validate()
  }

  /// Everything that decides an answer besides model and data.
  var json: JSONValue {
    [
      "limit": limit.map { .integer($0) } ?? nil, "arms": .array(arms.map { .string($0.rawValue) }),
      "likelihood": .bool(withLikelihood), "batch_size": .integer(batchSize), "seed": .string("\(seed)"),
      "max_new_tokens": .integer(generation.maximumNewTokens), "num_beams": .integer(generation.beamCount),
      "temperature": .number(generation.temperature), "top_k": generation.topK.map { .integer($0) } ?? nil,
      "top_p": generation.topP.map { .number($0) } ?? nil,
      "repetition_penalty": .number(generation.repetitionPenalty),
      "length_penalty": .number(generation.lengthPenalty), "generation_seed": .string("\(generation.seed)"),
    ]
  }

  /// How answers are made, in words.
  public var decoding: String {
    let generation = generation
    var parts =
      generation.temperature > 0
      ? ["sampled at temperature \(generation.temperature), seed \(generation.seed)"]
      : [generation.beamCount > 1 ? "\(generation.beamCount) beams" : "greedy"]
    if generation.temperature > 0 {
      if let topK = generation.topK { parts.append("top-k \(topK)") }
      if let topP = generation.topP { parts.append("top-p \(topP)") }
    }
    if generation.repetitionPenalty != 1 { parts.append("repetition penalty \(generation.repetitionPenalty)") }
    if generation.beamCount > 1 { parts.append("length penalty \(generation.lengthPenalty)") }
    return (parts + ["at most \(generation.maximumNewTokens) new tokens"]).joined(separator: ", ")
  }
}
