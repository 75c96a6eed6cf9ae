import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import Foundation

/// Writes models in Hugging Face layout, as `transformers` opens them.
///
/// Each file is written beside and renamed; who wants the whole directory to appear at once wraps the call in
/// `AtomicFile.writeDirectory`. Weights are the fp32 originals where they were trained, converted to `type`.
package enum ModelDirectoryWriter {
  /// Writes a decoder as `Gemma3ForCausalLM`: `config.json`, `generation_config.json`, `model.safetensors`, and the
  /// tokenizer's files where `tokenizer` names a directory that has them.
  /// - Parameter stored: its tensors as files hold them, which are then copied as they are.
  /// - Throws: `CarinaError.cannotWrite`, `.missingInput` when there is no tokenizer to copy.
  package static func write(
    _ decoder: Decoder, to path: String, type: ElementType, tokenizer: ModelDirectory? = nil,
    stored: StoredTensors? = nil
  ) throws {
    let type = try stored?.type(of: TensorFormat.embeddingName) ?? type
    try writeConfiguration(decoder.config.json, architecture: TensorFormat.decoder.architecture, type: type, to: path)
    try decoder.config.generationJSON.write(to: "\(path)/generation_config.json")
    try writeWeights(decoder.parameters, .decoder, to: path, type: type, stored: stored)
    try tokenizer?.copyTokenizer(to: path)
  }

  /// Writes both towers as `SiglipModel`, with `preprocessor_config.json`, and the tokenizer's files where they are
  /// given.
  /// - Throws: as the decoder's.
  package static func write(
    _ model: SiglipModel, transform: ImageTransform, to path: String, type: ElementType,
    tokenizer: ModelDirectory? = nil
  ) throws {
    let json: JSONValue = [
      "model_type": "siglip", "initializer_factor": .number(1), "text_config": model.text.config.json,
      "vision_config": model.vision.config.json,
    ]
    try writeConfiguration(json, architecture: TensorFormat.siglip.architecture, type: type, to: path)
    try transform.preprocessorConfiguration.write(to: "\(path)/preprocessor_config.json")
    try writeWeights(model.parameters, .siglip, to: path, type: type)
    try tokenizer?.copyTokenizer(to: path)
  }

  /// Writes a vision tower as `SiglipVisionModel`, with `preprocessor_config.json`. The names begin with
  /// `vision_model.`, which transformers opens in its versions 4 and 5 alike.
  /// - Parameter stored: as for a decoder.
  /// - Throws: `CarinaError.cannotWrite`.
  package static func write(
    _ vision: VisionEncoder, transform: ImageTransform, to path: String, type: ElementType,
    stored: StoredTensors? = nil
  ) throws {
    let type = try stored?.type(of: TensorFormat.patchesName) ?? type
    try writeConfiguration(vision.config.json, architecture: TensorFormat.vision.architecture, type: type, to: path)
    try transform.preprocessorConfiguration.write(to: "\(path)/preprocessor_config.json")
    try writeWeights(vision.parameters, .vision, to: path, type: type, stored: stored)
  }

  /// Writes a projector: `projector_config.json` and `model.safetensors`.
  /// - Throws: `CarinaError.cannotWrite`.
  package static func write(_ projector: Projector, to path: String, type: ElementType) throws {
    try projector.config.json.write(to: "\(path)/projector_config.json")
    try writeWeights(projector.parameters, .projector(projector.config), to: path, type: type)
  }

  private static func writeConfiguration(
    _ json: JSONValue, architecture: String, type: ElementType, to path: String
  ) throws {
    var object = json.object ?? JSONObject()
    object["architectures"] = [.string(architecture)]
    // transformers reads the first up to 4.55 and the second from then on.
    object["torch_dtype"] = .string(type.rawValue)
    object["dtype"] = .string(type.rawValue)
    try JSONValue.object(object).write(to: "\(path)/config.json")
  }

  private static func writeWeights(
    _ parameters: [Parameter], _ format: TensorFormat, to path: String, type: ElementType,
    stored: StoredTensors? = nil
  ) throws {
    try SafetensorsWriter.write(
      parameters.map { parameter in
        let own = try stored?.tensor(parameter.name, on: parameter.value.backend)
        return (
          name: format.fileName(parameter.name), tensor: own?.tensor ?? TensorSource(trainedValueOf: parameter),
          type: own?.type ?? type
        )
      },
      to: "\(path)/model.safetensors")
  }
}
