import CarinaModel
import CarinaRuntime

/// What a fresh projector is to be, and what one that is given must be.
public typealias ProjectorSettings = SettingValues<ProjectorSettingList>

/// What the settings of the projector are. None is in `run.json` as it was given: what became of them is recorded.
public struct ProjectorSettingList: SettingList {
  /// The declarations.
  public static let declared = ProjectorSettingList()

  /// Rows of an image in Gemma 3's form where nothing is said and the grid has them, as in its published checkpoints.
  package static let defaultImageTokens = 256

  /// What it is made of; nil for an MLP with a hidden width of its own, or for whatever is given.
  public let form = Setting<ProjectorForm?>(
    "projector", nil,
    help:
      "Form of a fresh projector: mlp, mlp2x (hidden width of the decoder, LLaVA-1.5) or gemma3 (averages, norm, matrix) (default: mlp). One that is given is refused where it has another.",
    record: .never)
  /// Hidden width of an MLP; nil for ten times the vision width, or for that of what is given.
  public let hiddenSize = Setting<Int?>(
    "projector_hidden", nil, .optional(SettingRange("at least 1 and at most 1048576") { (1...1_048_576).contains($0) }),
    help: "Hidden width in the form mlp (default: ten times the vision width).", record: .never)
  /// Patches along a side of the blocks that are averaged before an MLP; nil for none, or for those of what is given.
  public let pool = Setting<Int?>(
    "pool", nil, .optional(.atLeast(1)),
    help: "Average blocks of N × N patches before an MLP, for fewer rows an image (default: 1).", record: .never,
    valueName: "N")
  /// Rows that an image becomes in Gemma 3's form.
  public let imageTokens = Setting<Int?>(
    "image_tokens", nil, .optional(.atLeast(1)),
    help:
      "Rows of an image in the form gemma3 (default: \(defaultImageTokens), where the grid of patches has so many).",
    record: .never, valueName: "N")

  /// Refuses sizes that the form does not have.
  /// - Throws: `CarinaError.usage` that names both settings.
  public static func checkTogether(_ values: ProjectorSettings) throws {
    guard let form = values.form else { return }
    let sizes: [(name: SettingName, isGiven: Bool, forms: [ProjectorForm], otherwise: String)] = [
      (
        declared.hiddenSize.name, values.hiddenSize != nil, [.mlp],
        form == .mlp2x ? "the decoder's width, which \(form.rawValue) has" : "no hidden layer"
      ),
      (
        declared.pool.name, values.pool != nil, [.mlp, .mlp2x],
        "averages down to \(setting: declared.imageTokens.name) rows"
      ),
      (
        declared.imageTokens.name, values.imageTokens != nil, [.gemma3],
        "as many rows as patches, or as blocks of \(setting: declared.pool.name) patches along a side"
      ),
    ]
    for size in sizes where size.isGiven && !size.forms.contains(form) {
      throw CarinaError(
        .usage, "\(setting: size.name) and \(setting: declared.form.name) \(form.rawValue) cannot go together",
        expected: size.otherwise, remedy: "Leave one of the two out.")
    }
  }
}

extension ProjectorForm: SettingValue {}
