import CarinaRuntime

/// What an evaluation is asked to do; its settings are read and written like properties: `options.limit = 10`.
@dynamicMemberLookup
public struct EvaluatorOptions: Sendable {
  /// Where predictions, metrics and the unfinished part go.
  public var outputDirectory: String
  /// Whose pixels are shown.
  public var arms: [EvaluatorArm] = [.trueImage]
  /// The numbers.
  public var settings = SettingValues<EvaluatorSettingList>()
  /// How answers are made.
  public var generation = GenerationOptions()

  /// The file in which the vision features are kept; nil computes them for every batch.
  public var featureCache: String?

  /// What cannot be left out.
  public init(outputDirectory: String) { self.outputDirectory = outputDirectory }

  /// The value of a setting.
  public subscript<Value>(dynamicMember path: KeyPath<EvaluatorSettingList, Setting<Value>>) -> Value {
    get { settings[dynamicMember: path] }
    set { settings[dynamicMember: path] = newValue }
  }

  /// Refuses numbers with which nothing can be evaluated.
  /// - Throws: `CarinaError.usage` naming the setting.
  public func validate() throws {
    try settings.validate()
    guard arms.contains(.trueImage) else {
      throw CarinaError(.usage, "\(setting: .arms) cannot be used", expected: "true among them")
    }
    try generation.validate()
  }

  /// Everything that decides an answer besides model and data.
  var json: JSONValue {
    var object = settings.json
    object["arms"] = .array(arms.map { .string($0.rawValue) })
    for (key, value) in generation.json { object[key] = value }
    return .object(object)
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
