import CarinaModel
import CarinaRuntime

extension ProjectorConfig {
  /// The sizes of a fresh projector between a vision encoder and a decoder.
  /// - Throws: `CarinaError.usage` where the grid of patches does not divide so.
  package init(fresh settings: ProjectorSettings, vision: VisionConfig, decoder: DecoderConfig) throws {
    let width = vision.hiddenSize, form = settings.form ?? .mlp
    // What depends on the form is refused for the one that is meant where none is named, too.
    var meant = settings
    meant.form = form
    try meant.validate()
    guard form != .gemma3 else {
      let side = try ProjectorConfig.tokensPerSide(settings.imageTokens, grid: vision.grid)
      self.init(
        inputSize: width, outputSize: decoder.hiddenSize,
        pooling: PatchPooling(gridSize: vision.grid, tokensPerSide: side, epsilon: vision.epsilon))
      return
    }
    let factor = settings.pool ?? 1
    guard vision.grid > 0, vision.grid % factor == 0 else {
      throw CarinaError(
        .usage, "\(setting: ProjectorSettings.name(\.pool)) does not divide the grid of patches",
        expected: "a divisor of \(vision.grid), the patches along a side", found: "\(factor)")
    }
    self.init(
      inputSize: width, hiddenSize: form == .mlp2x ? decoder.hiddenSize : settings.hiddenSize ?? width * 10,
      outputSize: decoder.hiddenSize,
      pooling: factor == 1 ? nil : PatchPooling(gridSize: vision.grid, tokensPerSide: vision.grid / factor))
  }

  private static func tokensPerSide(_ asked: Int?, grid: Int) throws -> Int {
    let count = asked ?? ProjectorSettingList.defaultImageTokens, side = Int(Double(count).squareRoot())
    guard side > 0, side * side == count, grid > 0, grid % side == 0 else {
      let name = ProjectorSettings.name(\.imageTokens)
      let possible = (1...max(grid, 1)).filter { grid % $0 == 0 }.map { "\($0 * $0)" }
      throw CarinaError(
        .usage,
        asked == nil
          ? "\(setting: name) has to be said: the grid of patches does not average to the usual \(count) rows"
          : "\(setting: name) does not divide the grid of patches",
        expected: "\(possible.joined(separator: ", ")) of \(grid) × \(grid) patches", found: asked.map(String.init))
    }
    return side
  }

  /// Refuses a projector that is not what the settings ask for.
  /// - Parameter path: where it lies, for the error.
  /// - Throws: `CarinaError.usage` that names the setting.
  package func require(_ settings: ProjectorSettings, at path: String) throws {
    func require(_ name: SettingName, _ asked: String?, _ found: String) throws {
      guard let asked, asked != found else { return }
      throw CarinaError(
        .usage, "the projector is not the one of \(setting: name)", at: path, expected: asked,
        found: "\(found) (\(summary))", remedy: "Leave \(setting: name) out, or name another projector.")
    }
    // An MLP whose hidden width happens to be the decoder's has both names.
    let isEither = settings.form == .mlp && form == .mlp2x && settings.hiddenSize == hiddenSize
    if !isEither { try require(ProjectorSettings.name(\.form), settings.form?.rawValue, form.rawValue) }
    try require(
      ProjectorSettings.name(\.hiddenSize), settings.hiddenSize.map(String.init),
      form == .gemma3 ? "none" : "\(hiddenSize)")
    try require(
      ProjectorSettings.name(\.pool), settings.pool.map(String.init),
      form == .gemma3 ? "none" : "\(pooling?.factor ?? 1)")
    try require(
      ProjectorSettings.name(\.imageTokens), settings.imageTokens.map(String.init),
      form == .gemma3 ? pooling.map { "\($0.tokenCount)" } ?? "none" : "none")
  }

  /// What a run's record says of the projector besides the digest of its weights; nil for an MLP over all patches, as
  /// runs have it that know no other form.
  /// - Parameter asked: the form that a fresh projector was asked to have.
  func record(asked: ProjectorForm?) -> JSONValue? {
    var object = JSONObject()
    if form == .gemma3 || asked == .mlp2x { object["form"] = .string(form.rawValue) }
    if let pooling {
      if form == .gemma3 {
        object["mm_tokens_per_image"] = .integer(pooling.tokenCount)
      } else {
        object["pool"] = .integer(pooling.factor)
      }
    }
    return object.isEmpty ? nil : .object(object)
  }
}
