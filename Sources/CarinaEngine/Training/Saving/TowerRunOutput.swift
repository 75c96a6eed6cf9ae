import CarinaData
import CarinaModel
import CarinaRuntime
import CarinaTensor
import Foundation

/// What the tuning of a SigLIP writes: the same kind of directory, whole, with the configuration, the tokenizer and the
/// image settings that it had. A tensor keeps its type; what the run left alone keeps its numbers.
struct TowerRunOutput {
  private static let imageFiles = ["preprocessor_config.json", "processor_config.json"]

  let part: LoadedPart<SiglipModel>
  let freezing: TowerFreezing
  /// From image files to the encoder's numbers, where the model itself has no image settings.
  let transform: ImageTransform

  /// About how many bytes `write` takes.
  var byteCount: Int {
    get throws {
      try part.model.parameters.reduce(part.directory.tokenizerByteCount) {
        $0 + $1.count * (try part.tensors.type(of: $1.name)).byteCount
      }
    }
  }

  /// Writes the directory, which appears at once.
  /// - Throws: `CarinaError.cannotWrite`, and what reading the model throws.
  func write(to path: String) throws {
    let source = part.directory, model = part.model
    let tensors = try model.parameters.map { parameter in
      let tensor =
        freezing.trains(parameter.name)
        ? TensorSource(trainedValueOf: parameter)
        : try part.tensors.tensor(parameter.name, on: model.backend).tensor
      return (
        name: TensorFormat.siglip.fileName(parameter.name), tensor: tensor,
        type: try part.tensors.type(of: parameter.name)
      )
    }
    try AtomicFile.writeDirectory(to: path) { target in
      try source.configuration().write(to: "\(target)/config.json")
      try SafetensorsWriter.write(tensors, to: "\(target)/model.safetensors")
      let files = Self.imageFiles.filter(source.has)
      for name in files {
        try AtomicFile.write(ReadableFile.read(source.file(name), limit: .tokenizer), to: "\(target)/\(name)")
      }
      if files.isEmpty {
        try transform.preprocessorConfiguration.write(to: "\(target)/preprocessor_config.json")
      }
      try source.copyTokenizer(to: target)
    }
  }
}
