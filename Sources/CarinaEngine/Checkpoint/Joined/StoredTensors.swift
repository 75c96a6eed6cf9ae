import CarinaRuntime
import CarinaTensor

/// The tensors of a part as its files hold them: what is copied where a part stayed as it was.
package struct StoredTensors {
  private let weights: WeightsDirectory
  private let fileNames: [String: String]

  /// The tensors of a directory under the engine's names.
  package init(_ weights: WeightsDirectory, _ format: TensorFormat) {
    self.weights = weights
    let format = format.unwrapping(weights)
    fileNames = Dictionary(
      weights.names.compactMap { name in format.engineName(name).map { ($0, name) } },
      uniquingKeysWith: { first, _ in
        first
      })
  }

  /// The type in which a tensor is copied: bfloat16 where the file has it, else fp32.
  /// - Throws: `CarinaError.badData` where there is none.
  package func type(of name: String) throws -> ElementType {
    try entry(name).entry.element == .bfloat16 ? .bfloat16 : .float32
  }

  /// A tensor in that type.
  /// - Throws: `CarinaError.badData` where there is none.
  package func tensor(_ name: String, on backend: any Backend) throws -> (tensor: TensorSource, type: ElementType) {
    let (file, entry) = try entry(name)
    guard [.float16, .float64].contains(entry.element) else {
      let tensor = TensorSource(try file.tensor(entry, on: backend))
      return (tensor, tensor.elementType)
    }
    // Converted where it is read: whole, it would take twice the bytes of the file.
    let size = entry.element.bitCount / 8
    let tensor = TensorSource(shape: entry.shape, elementType: .float32) { range in
      file.withBytes(of: entry) { bytes in
        let piece = UnsafeRawBufferPointer(rebasing: bytes[size * range.lowerBound..<size * range.upperBound])
        return entry.element == .float16
          ? Tensor.fromFloat16(piece, shape: [range.count], on: backend)
          : Tensor.fromFloat64(piece, shape: [range.count], on: backend)
      }
    }
    return (tensor, .float32)
  }

  private func entry(_ name: String) throws -> (file: SafetensorsFile, entry: SafetensorsEntry) {
    guard let found = fileNames[name].flatMap(weights.find) else {
      throw CarinaError(.badData, "there is no tensor \(name)", at: weights.path)
    }
    return found
  }

  /// The tensors of a written part: those that a run trained in `type`, all others as the files hold them.
  /// - Parameter isTrained: whether the run trained a parameter.
  /// - Throws: as `tensor`.
  package func written(
    _ parameters: [Parameter], isTrained: (Parameter) -> Bool, type: ElementType, on backend: any Backend
  ) throws -> [(name: String, tensor: TensorSource, type: ElementType)] {
    try parameters.map { parameter in
      guard !isTrained(parameter) else { return (parameter.name, TensorSource(trainedValueOf: parameter), type) }
      let (tensor, type) = try tensor(parameter.name, on: backend)
      return (parameter.name, tensor, type)
    }
  }
}
