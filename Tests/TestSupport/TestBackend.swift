import Carina
import Foundation

/// What tests compute on unless they name another backend.
package enum TestBackend {
  /// The processor, one for all tests, with its pool.
  package static let cpu = CPUBackend()

  /// The processor, or with `CARINA_TEST_DEVICE=cuda` the first card in fp32: the suites of operations and models run on either.
  package static let chosen: any Backend = {
    guard ProcessInfo.processInfo.environment["CARINA_TEST_DEVICE"] == "cuda" else { return cpu }
    do { return try CUDABackend(index: CUDATestDevice.survey.devices.first?.index ?? 0, activations: .float32) } catch {
      preconditionFailure("CARINA_TEST_DEVICE=cuda, but \(error)")
    }
  }()
}

// What takes `on:` in the engine, on the backend of the tests.

extension Tensor {
  /// New memory with arbitrary contents.
  package init(uninitialized shape: [Int], elementType: ElementType = .float32) {
    self.init(uninitialized: shape, elementType: elementType, on: TestBackend.chosen)
  }

  /// New memory filled with zeros.
  package init(zeros shape: [Int], elementType: ElementType = .float32) {
    self.init(zeros: shape, elementType: elementType, on: TestBackend.chosen)
  }

  /// fp32 numbers, row-major.
  package init(_ values: [Float], shape: [Int]) { self.init(values, shape: shape, on: TestBackend.chosen) }

  /// Widens IEEE half-precision numbers.
  package static func fromFloat16(_ source: UnsafeRawPointer, shape: [Int]) -> Tensor {
    let bytes = UnsafeRawBufferPointer(start: source, count: 2 * shape.reduce(1, *))
    return fromFloat16(bytes, shape: shape, on: TestBackend.chosen)
  }

  /// The first byte, which on the processor the host may touch.
  package var pointer: UnsafeMutableRawPointer { storage.pointer + byteOffset }
  /// The first element's address; the tensor must be fp32.
  package var floats: UnsafeMutablePointer<Float> { pointer.assumingMemoryBound(to: Float.self) }
  /// The first element's address; the tensor must be bfloat16.
  package var bfloats: UnsafeMutablePointer<UInt16> { pointer.assumingMemoryBound(to: UInt16.self) }
}

extension Storage {
  /// Takes memory; its contents are arbitrary.
  package convenience init(byteCount: Int) { self.init(byteCount: byteCount, on: TestBackend.chosen) }

  /// Looks into memory that `owner` keeps alive.
  package convenience init(borrowing pointer: UnsafeMutableRawPointer, byteCount: Int, owner: AnyObject) {
    self.init(borrowing: pointer, byteCount: byteCount, owner: owner, on: TestBackend.cpu)
  }

  /// The first byte, which on the processor the host may touch.
  package var pointer: UnsafeMutableRawPointer { address }
}

extension MatrixOperand {
  /// A tensor read as [rows, columns].
  package init(_ tensor: Tensor, rows: Int, columns: Int) {
    self.init(
      pointer: tensor.pointer, elementType: tensor.elementType, rows: rows, columns: columns, stride: columns,
      keeper: tensor.storage)
  }
}

extension FewRowsProduct {
  /// The product with memory from a pool of its own.
  package static func multiply(
    _ a: MatrixOperand, _ b: MatrixOperand, into c: UnsafeMutablePointer<Float>, cStride: Int, byPairs: Bool = hasPairs
  ) {
    multiply(a, b, into: c, cStride: cStride, byPairs: byPairs, pool: MemoryPool())
  }
}

extension QuantizedMatrix {
  /// Rounds a matrix.
  package convenience init(_ matrix: Tensor) { self.init(matrix, on: TestBackend.cpu) }
}

extension RandomParameterSource {
  /// A source with a seed.
  package convenience init(seed: UInt64, precision: ElementType = .float32) {
    self.init(seed: seed, precision: precision, on: TestBackend.chosen)
  }
}

extension StrictLoader {
  /// A loader for one model.
  package convenience init(directory: WeightsDirectory, format: TensorFormat, precision: ElementType) {
    self.init(directory: directory, format: format, precision: precision, on: TestBackend.chosen)
  }
}

extension SafetensorsFile {
  /// The tensor of a name.
  package func tensor(named name: String) throws -> Tensor { try tensor(named: name, on: TestBackend.chosen) }
  /// The tensor of an entry.
  package func tensor(_ entry: SafetensorsEntry) throws -> Tensor { try tensor(entry, on: TestBackend.chosen) }
}

extension WeightsDirectory {
  /// The tensor of a name.
  package func tensor(named name: String) throws -> Tensor { try tensor(named: name, on: TestBackend.chosen) }
}

extension ModelDirectory {
  /// Reads a decoder.
  package func loadDecoder(precision: ElementType) throws -> LoadedPart<Decoder> {
    try loadDecoder(precision: precision, on: TestBackend.chosen)
  }

  /// Reads a vision tower.
  package func loadVisionEncoder(precision: ElementType) throws -> LoadedPart<VisionEncoder> {
    try loadVisionEncoder(precision: precision, on: TestBackend.chosen)
  }

  /// Reads a projector.
  package func loadProjector(precision: ElementType) throws -> LoadedPart<Projector> {
    try loadProjector(precision: precision, on: TestBackend.chosen)
  }
}

extension JoinedModelDirectory {
  /// Reads the three parts.
  package func load(precision: ElementType) throws -> JoinedPipeline {
    try load(precision: precision, on: Device(TestBackend.chosen))
  }
}

extension AnsweringModel {
  /// Loads a training run's result.
  package static func load(
    checkpoint: String, precision: ElementType, maximumQuestionTokens: Int? = nil
  ) throws -> AnsweringModel {
    try load(
      checkpoint: checkpoint, precision: precision, maximumQuestionTokens: maximumQuestionTokens,
      on: Device(TestBackend.chosen))
  }

  /// Loads a model from its parts.
  package static func load(_ parts: ModelParts, precision: ElementType) throws -> AnsweringModel {
    try load(parts, precision: precision, on: Device(TestBackend.chosen))
  }
}

extension TrainingState {
  /// Reads what was written.
  package init(path: String, expecting shapes: [String: [Int]], optimizer: OptimizerChoice = .adamw) throws {
    try self.init(path: path, expecting: shapes, optimizer: optimizer, on: TestBackend.chosen)
  }
}

extension FeatureCache {
  /// Opens the file, or makes it.
  package convenience init(_ path: String, identity: FeatureIdentity, imageCount: Int) throws {
    try self.init(path, identity: identity, imageCount: imageCount, on: TestBackend.chosen)
  }
}

extension KeyValueCache {
  /// Room for sequences.
  package convenience init(_ config: DecoderConfig, sequenceCount: Int, capacity: Int) {
    self.init(config, sequenceCount: sequenceCount, capacity: capacity, on: TestBackend.chosen)
  }
}

/// Lays rows of several tensors into one.
package func assembleRows(
  _ parts: [(tensor: Tensor, destinations: [Int])], rowCount: Int, tape: Tape?
) -> Tensor {
  assembleRows(parts, rowCount: rowCount, on: TestBackend.chosen, tape: tape)
}
