import CarinaRuntime
import CarinaTensor

/// A safetensors file, mapped: its tensors are used where they lie.
package final class SafetensorsFile {
  /// Where it is.
  package let path: String
  /// Its tensors in the order of their bytes.
  package let entries: [SafetensorsEntry]
  /// The texts under `__metadata__`.
  package let metadata: [String: String]
  private let mapping: MappedFile
  private let positions: [ExactText: Int]

  /// Opens a file and checks its header; no tensor is read.
  /// - Throws: `CarinaError.missingInput` when it is absent, `.badData` for anything that the format forbids: no room
  ///   for the header, a header longer than the file, a name twice, an unknown dtype, offsets that overlap, leave gaps,
  ///   disagree with the shape or lie beyond the end.
  package convenience init(path: String) throws {
    try self.init(path: path, mapping: try MappedFile(path: path))
  }

  /// Checks the header of bytes that are in memory.
  /// - Throws: as `init(path:)`.
  init(path: String, mapping: MappedFile) throws {
    self.path = path
    self.mapping = mapping
    let header = try SafetensorsHeader(mapping.bytes(0..<mapping.byteCount), source: path)
    entries = header.entries
    metadata = header.metadata
    var positions = [ExactText: Int](minimumCapacity: entries.count)
    for (index, entry) in entries.enumerated() {
      guard positions.updateValue(index, forKey: ExactText(entry.name)) == nil else {
        throw CarinaError(.badData, "the tensor \(entry.name) is there twice", at: path)
      }
    }
    self.positions = positions
  }

  /// The entry of a name.
  package func entry(named name: String) -> SafetensorsEntry? { positions[ExactText(name)].map { entries[$0] } }

  /// Lends the bytes of an entry of this file.
  package func withBytes<Result>(
    of entry: SafetensorsEntry, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withBytes(entry.byteRange, body)
  }

  /// Lends some of the file's bytes.
  func withBytes<Result>(
    _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(mapping) { try body(mapping.bytes(range)) }
  }

  /// Where the length and the text of the header are.
  var headerRange: Range<Int> { 0..<dataStart }
  /// Where the bytes of all tensors are.
  var dataRange: Range<Int> { dataStart..<mapping.byteCount }

  /// A fingerprint of the whole file, whose pages do not stay in memory.
  package func fingerprint() -> Fingerprint {
    var fingerprint = Fingerprint()
    withBytes(0..<mapping.byteCount) { bytes in fingerprint.update(bytes) { mapping.releasePages($0) } }
    return fingerprint
  }

  private var dataStart: Int { entries.first?.byteRange.lowerBound ?? mapping.byteCount }

  /// The tensor of a name: F32 and BF16 in place where their address allows (then it must not be written), else copied;
  /// F16 widened to fp32, F64 rounded to it.
  /// - Throws: `CarinaError.badData` when there is no such tensor or it is stored in another way.
  package func tensor(named name: String, on backend: any Backend) throws -> Tensor {
    guard let entry = entry(named: name) else {
      throw CarinaError(.badData, "there is no tensor \(name)", at: path)
    }
    return try tensor(entry, on: backend)
  }

  /// The codes of an entry of this file, which must be U8, in memory that may be written.
  package func codes(_ entry: SafetensorsEntry, on backend: any Backend) -> Tensor {
    precondition(entry.element == .uint8, "\(entry.name) is \(entry.element.rawValue)")
    return withBytes(of: entry) { bytes in
      Tensor(entry.shape, elementType: .uint8, on: backend) { $0.copyMemory(from: bytes) }
    }
  }

  /// The tensor of an entry of this file; see `tensor(named:on:)`.
  package func tensor(_ entry: SafetensorsEntry, on backend: any Backend) throws -> Tensor {
    let pointer = mapping.pointer + entry.byteRange.lowerBound
    let type: ElementType
    switch entry.element {
    case .float16:
      return withBytes(of: entry) { Tensor.fromFloat16($0, shape: entry.shape, on: backend) }
    case .float64:
      return withBytes(of: entry) { Tensor.fromFloat64($0, shape: entry.shape, on: backend) }
    case .float32: type = .float32
    case .bfloat16: type = .bfloat16
    default:
      throw CarinaError(
        .badData, "tensor \(entry.name) is stored in a way that cannot be computed with", at: path,
        expected: "F32, BF16, F16 or F64", found: entry.element.rawValue)
    }
    guard UInt(bitPattern: pointer) % UInt(type.byteCount) == 0 else {
      return withBytes(of: entry) { bytes in
        Tensor(entry.shape, elementType: type, on: backend) { $0.copyMemory(from: bytes) }
      }
    }
    return Tensor(
      shape: entry.shape, elementType: type,
      storage: backend.adopt(pointer, byteCount: entry.byteRange.count, owner: mapping))
  }
}
