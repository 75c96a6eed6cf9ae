import CarinaModel
import CarinaTensor

/// Every tensor of a model with a given configuration: the engine's name, the name in the files, axes and shape.
///
/// The rows are what the model's own constructor asks a `ParameterSource` for, so that names and shapes are written
/// down once, beside the layer that computes with them; `TensorFormat` adds what differs from one layout on disk to
/// another. Loading, writing and the forecast of memory go by these two. Building a table takes no memory for weights.
package struct TensorTable {
  /// One tensor.
  package struct Row: Equatable, Sendable {
    /// The engine's name, and the one under which it is written.
    package let name: String, fileName: String
    /// What the axes are, outermost first, and how long each is.
    package let axes: [String], shape: [Int]

    /// How many numbers.
    package var count: Int { shape.reduce(1, *) }
    /// Whether it is a matrix of a block: read once for each of its layers, and packed while it is frozen.
    var isBlockMatrix: Bool { shape.count > 1 && name.contains(".layers.") }
    /// What it is kept in when products are computed in `precision`.
    func elementType(precision: ElementType) -> ElementType {
      TensorTable.elementType(of: name, shape: shape, precision: precision)
    }
  }

  /// Names in files, and what is left out.
  package let format: TensorFormat
  /// The tensors, in the order in which the constructor asks for them.
  package let rows: [Row]
  /// Shapes [N, K] of the blocks' matrices, together those that read the same rows.
  package let matricesByInput: [[[Int]]]

  /// The tensors of a decoder.
  package init(of config: DecoderConfig, format: TensorFormat = .decoder) {
    self.init(format) { Decoder(config, from: $0).matricesByInput }
  }

  /// The tensors of a vision tower.
  package init(of config: VisionConfig, format: TensorFormat = .vision) {
    self.init(format) { VisionEncoder(config, from: $0).matricesByInput }
  }

  /// The tensors of both towers.
  package init(vision: VisionConfig, text: TextEncoderConfig, format: TensorFormat = .siglip) {
    self.init(format) {
      _ = SiglipModel(vision: vision, text: text, from: $0)
      return []
    }
  }

  /// The tensors of a projector.
  package init(of config: ProjectorConfig, format: TensorFormat? = nil) {
    self.init(format ?? .projector(config)) {
      _ = Projector(config, from: $0)
      return []
    }
  }

  /// A constructor needs some backend; nothing is computed on this one.
  private static let backend = CPUBackend()

  /// - Parameter build: constructs the model; what it returns becomes `matricesByInput`.
  private init(_ format: TensorFormat, _ build: (ParameterSource) -> [[Parameter]]) {
    let recorder = ShapeRecorder(backend: TensorTable.backend)
    matricesByInput = build(recorder).map { $0.map(\.shape) }
    self.format = format
    rows = recorder.tensors.map { name, shape in
      Row(
        name: name, fileName: format.fileName(name), axes: TensorFormat.axes(of: name, rank: shape.count), shape: shape)
    }
  }

  /// What a weight is kept in when products are computed in `precision`: matrices that enter products in it, norms,
  /// biases, positions and single numbers in fp32.
  static func elementType(of name: String, shape: [Int], precision: ElementType) -> ElementType {
    let entersProducts = shape.count >= 2 && !name.hasSuffix("position_embedding.weight") && !name.hasSuffix(".probe")
    return entersProducts ? precision : .float32
  }
}

/// Writes down what a constructor asks for; the weights it answers with have a shape and nothing behind it.
private final class ShapeRecorder: ParameterSource {
  var tensors: [(name: String, shape: [Int])] = []
  private let backend: any Backend

  init(backend: any Backend) { self.backend = backend }

  func parameter(_ name: String, shape: [Int], decays: Bool, initialization: Initialization) -> Parameter {
    tensors.append((name, shape))
    return Parameter(name: name, value: ZeroPages.unreadable(shape, on: backend), decays: decays)
  }
}
