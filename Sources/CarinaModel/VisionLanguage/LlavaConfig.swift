import CarinaRuntime

/// What the `config.json` of a `LlavaForConditionalGeneration` says besides its text part and its vision tower
/// (transformers `LlavaConfig`).
package struct LlavaConfig: Equatable, Sendable {
  /// Id of the piece that stands for each row of an image.
  package let imageToken: Int
  /// Whether the first row of the features is left out (`vision_feature_select_strategy` `default`).
  package let dropsFirstPatch: Bool
  /// Rows that an image takes in a sequence.
  package let rowsPerImage: Int

  /// Collects the values.
  /// - Parameter vision: the tower, whose patches are the rows.
  package init(imageToken: Int, dropsFirstPatch: Bool, vision: VisionConfig) {
    self.imageToken = imageToken
    self.dropsFirstPatch = dropsFirstPatch
    rowsPerImage = vision.patchCount - (dropsFirstPatch ? 1 : 0)
  }

  /// Reads the keys; an omitted one means the class default of transformers.
  /// - Parameter vocabularySize: rows of the table in which the image's id must have one.
  /// - Throws: `CarinaError.badData` that names the file and the key.
  package init(json: JSONValue, vision: VisionConfig, vocabularySize: Int, source: String) throws {
    let keys = try ConfigObject(json, source: source)
    try keys.requireNoNull(SiglipDocument.llavaKeys.sorted() + ["image_token_index"])
    let spellings = ["image_token_index", "image_token_id"]
    let given = spellings.filter { keys.value($0) != nil }
    if given.count == 2, keys.value(spellings[0]) != keys.value(spellings[1]) {
      throw keys.wrong(spellings[1], expected: "the same as \(spellings[0]), which is another name of it")
    }
    let key = given.first ?? spellings[0], id = try keys.size(key, default: 32_000, least: 0)
    guard id < vocabularySize else {
      throw CarinaError(
        .badData, "the configuration contradicts itself: \(key) lies outside the vocabulary", at: source,
        expected: "an id below \(vocabularySize), the vocabulary of text_config", found: "\(id)",
        remedy: "Check vocab_size and \(key): the two are not of the same model.")
    }
    try Self.requireLastLayer(keys, vision)
    let strategy = try keys.text("vision_feature_select_strategy", default: "default")
    guard ["default", "full"].contains(strategy) else {
      throw keys.wrong("vision_feature_select_strategy", expected: "full (all patches) or default (without the first)")
    }
    guard vision.patchCount > 1 || strategy == "full" else {
      throw keys.wrong("vision_feature_select_strategy", expected: "full, as an image has one patch")
    }
    self.init(imageToken: id, dropsFirstPatch: strategy == "default", vision: vision)
  }

  /// What there is to say where the configuration names another number of rows than an image has. transformers reads the
  /// key and uses it nowhere (5.24, `modeling_llava.py`): as many pieces as its processor writes have to meet as many rows
  /// as the tower gives.
  /// - Throws: `CarinaError.badData` where it is no number of rows.
  package func remark(on json: JSONValue, source: String) throws -> String? {
    let key = "image_seq_length"
    let stated = try ConfigObject(json, source: source).size(key, default: rowsPerImage, least: 0)
    guard stated != rowsPerImage else { return nil }
    return "\(source): \(key) is \(stated), and an image has \(rowsPerImage) rows, by which it is read here and in "
      + "transformers"
  }

  /// Refuses features of another layer than the last block's.
  private static func requireLastLayer(_ keys: ConfigObject, _ vision: VisionConfig) throws {
    let key = "vision_feature_layer", value = keys.value(key)
    let layer = value?.array.map { $0.count == 1 ? $0[0] : .null } ?? value
    guard let index = layer?.int, index == -1 || index == vision.layerCount else {
      throw keys.refused(
        key,
        because: "the projector here reads the output of the last block, before the last norm"
          + (value == nil ? "; a LLaVA that does not name a layer means -2" : ""),
        expected: "-1 or \(vision.layerCount)")
    }
    // By default transformers leaves hidden_states[-1] of a SigLIP before the last norm.
    try keys.child("vision_config").require(
      "tie_last_hidden_states", in: [false], because: "the features are those before the last norm here")
  }

  /// What goes into `config.json` beside the two parts.
  package var json: JSONObject {
    JSONObject([
      ("image_seq_length", .integer(rowsPerImage)), ("image_token_index", .integer(imageToken)),
      ("model_type", "llava"), ("multimodal_projector_bias", true), ("projector_hidden_act", "gelu"),
      ("vision_feature_layer", .integer(-1)), ("vision_feature_select_strategy", .string(strategy)),
    ])
  }

  /// Which features are taken, in the words of transformers.
  package var strategy: String { dropsFirstPatch ? "default" : "full" }
}
