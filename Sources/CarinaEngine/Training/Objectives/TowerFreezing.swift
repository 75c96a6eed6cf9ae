import CarinaModel
import CarinaRuntime
import CarinaTensor

/// Which weights of a SigLIP are trained.
package struct TowerFreezing: Equatable, Sendable {
  /// Blocks of the vision tower that stay frozen, from the first; the embeddings do with them.
  package var frozenBlocks = 0
  /// Whether the text tower, and the temperature of the loss, stay as they are.
  package var freezesText = false, freezesLogitScale = false

  /// All are.
  package init() {}

  /// What settings say of a vision tower of so many blocks.
  package init(_ settings: SettingValues<TowerSettingList>, blockCount: Int) {
    frozenBlocks = Int(Double(blockCount) * settings.frozenLayersRatio)
    freezesText = settings.freezesText ?? true
    freezesLogitScale = settings.freezesLogitScale ?? true
  }

  /// Whether the weight of a name is trained.
  package func trains(_ name: String) -> Bool {
    if name.hasPrefix("text_model.") { return !freezesText }
    if name == "logit_scale" { return !freezesLogitScale }
    if name.hasPrefix("vision_model.embeddings.") { return frozenBlocks == 0 }
    guard name.hasPrefix(Self.blocks) else { return true }
    return Int(name.dropFirst(Self.blocks.count).prefix { $0 != "." }).map { $0 >= frozenBlocks } ?? true
  }

  private static let blocks = "vision_model.encoder.layers."

  /// The trained weights of a model, in its order.
  package func trainedParameters(of model: SiglipModel) -> [Parameter] { model.parameters.filter { trains($0.name) } }

  /// What decides the numbers, for a record.
  var json: JSONValue {
    [
      "frozen_vision_blocks": .integer(frozenBlocks), "text_encoder": .bool(!freezesText),
      "logit_scale": .bool(!freezesLogitScale),
    ]
  }
}
