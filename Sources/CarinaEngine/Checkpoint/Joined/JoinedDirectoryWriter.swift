import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import CarinaText
import Foundation

/// Writes a model as the directory of a joined model of transformers, which transformers' `AutoModelForImageTextToText` and
/// `AutoProcessor` open as it is, with a `carina.json` beside; it appears whole or not at all.
struct JoinedDirectoryWriter {
  /// A tensor under its name in the file.
  typealias Written = (name: String, tensor: TensorSource, type: ElementType)

  /// Which joined model it is.
  let kind: JoinedModelKind
  /// The whole `config.json` but for the type of the weights.
  let config: JSONValue
  /// The `generation_config.json`.
  let generation: JSONValue
  /// The tensors of the three parts under the names of the hub.
  let tensors: [Written]
  /// The type that `config.json` names: that of the decoder's matrices.
  let type: ElementType
  /// Tokenizer, image settings, chat template.
  let processor: JoinedProcessorFiles

  /// Tensors of a part under the names of the hub.
  static func named(_ tensors: [Written], _ format: TensorFormat) -> [Written] {
    tensors.map { (format.fileName($0.name), $0.tensor, $0.type) }
  }

  /// Writes the directory beside `path` and puts it in place of what was there.
  /// - Parameter manifest: what goes into `carina.json`, given what tells the written weights from others.
  /// - Throws: `CarinaError.cannotWrite`; `.missingInput` when the tokenizer is not there. Then `path` is as it was.
  func write(to path: String, manifest: (CarinaManifest.Part) throws -> CarinaManifest) throws {
    try AtomicFile.writeDirectory(to: path) { temporary in
      try document().write(to: "\(temporary)/config.json")
      try generation.write(to: "\(temporary)/generation_config.json")
      try processor.write(to: temporary)
      try SafetensorsWriter.write(tensors, to: "\(temporary)/model.safetensors")
      let identity = try WeightsIdentity(WeightsDirectory(path: temporary))
      var manifest = try manifest(CarinaManifest.Part(identity: identity, reference: nil))
      manifest.layout = CarinaManifest.Layout(kind)
      try manifest.write(to: "\(temporary)/\(CarinaManifest.fileName)")
    }
  }

  /// The configuration with the type, which its parts repeat where they name one.
  private func document() -> JSONValue {
    var object = config.object ?? JSONObject()
    object["architectures"] = [.string(kind.architecture)]
    // transformers reads the first up to 4.55 and the second from then on.
    for key in ["torch_dtype", "dtype"] {
      object[key] = .string(type.rawValue)
      for part in ["text_config", "vision_config"] {
        guard case .object(var inner)? = object[part], inner[key] != nil else { continue }
        inner[key] = .string(type.rawValue)
        object[part] = .object(inner)
      }
    }
    return .object(object)
  }
}
