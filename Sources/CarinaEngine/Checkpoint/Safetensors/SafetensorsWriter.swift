import CarinaRuntime
import CarinaTensor
import Foundation

/// Writes tensors as a safetensors file; the same tensors give the same bytes as the reference library writes.
package enum SafetensorsWriter {
  private static let pieceCount = 1 << 22

  /// Writes the tensors beside `path` and renames.
  ///
  /// The order is the reference library's: fp32 before bfloat16 before codes, then by name; the header is padded with spaces to a
  /// multiple of 8.
  /// - Parameters:
  ///   - tensors: names and numbers; a name must not repeat.
  ///   - type: what all numbers are converted to; nil keeps each tensor's own.
  ///   - metadata: the texts under `__metadata__`; transformers asks for `format`.
  /// - Throws: `CarinaError.cannotWrite`, `.internalFailure` when a name repeats.
  package static func write(
    _ tensors: [(name: String, tensor: Tensor)], to path: String, converting type: ElementType? = nil,
    metadata: [(String, String)] = [("format", "pt")]
  ) throws {
    try write(
      tensors.map { ($0.name, TensorSource($0.tensor), type ?? $0.tensor.elementType) }, to: path, metadata: metadata)
  }

  /// Writes tensors that are read a piece at a time, each in the type named beside it; see the other form.
  package static func write(
    _ tensors: [(name: String, tensor: TensorSource, type: ElementType)], to path: String,
    metadata: [(String, String)] = [("format", "pt")]
  ) throws {
    let ordered = tensors.sorted { left, right in
      if left.type != right.type { return left.type.byteCount > right.type.byteCount }
      return left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
    }
    let header = try header(ordered, metadata: metadata, path: path)
    try AtomicFile.write(to: path) { temporary in
      guard let file = fopen(temporary, "wb") else { throw failure(path) }
      var isOpen = true
      defer { if isOpen { fclose(file) } }
      func put(_ bytes: UnsafeRawBufferPointer) throws {
        guard fwrite(bytes.baseAddress, 1, bytes.count, file) == bytes.count else {
          // A call of the system refuses bytes that are gone where the processor would end the process.
          throw errno == EFAULT ? LostFiles.error(reading: bytes) ?? failure(path) : failure(path)
        }
      }
      try header.withUnsafeBytes { try put($0) }
      for (_, tensor, type) in ordered { try pieces(tensor, as: type, put) }
      isOpen = false
      guard fclose(file) == 0 else { throw failure(path) }
    }
  }

  private static func header(
    _ tensors: [(name: String, tensor: TensorSource, type: ElementType)], metadata: [(String, String)], path: String
  ) throws -> [UInt8] {
    var fields = [String]()
    if !metadata.isEmpty {
      let texts = try metadata.map { "\(try quoted($0)):\(try quoted($1))" }
      fields.append("\"__metadata__\":{\(texts.joined(separator: ","))}")
    }
    var names = Set<String>(["__metadata__"])
    var offset = 0
    for (name, tensor, type) in tensors {
      guard names.insert(name).inserted else {
        throw CarinaError(.internalFailure, "the tensor \(name) would be written twice", at: path)
      }
      let end = offset + tensor.count * type.byteCount
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      fields.append(
        "\(try quoted(name)):{\"dtype\":\"\(SafetensorsElement(type).rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = Array("{\(fields.joined(separator: ","))}".utf8)
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
  }

  private static func quoted(_ text: String) throws -> String { try JSONValue.string(text).serialized() }

  /// Hands out a tensor's bytes, converted a piece at a time so that no second copy of a large one is needed. Pages of a
  /// mapped file are given back: a copied model would otherwise be resident twice.
  private static func pieces(
    _ tensor: TensorSource, as type: ElementType, _ put: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    for start in stride(from: 0, to: tensor.count, by: pieceCount) {
      let source = tensor.piece(start..<min(tensor.count, start + pieceCount)), piece = source.converted(to: type)
      try piece.withHostBytes(put)
      // Before the file gets its name: bytes of a device that failed are no numbers.
      try piece.backend.throwFailure()
      guard source.storage.isBorrowed else { continue }
      source.storage.releaseResidentPages(source.byteOffset..<source.byteOffset + source.byteCount)
    }
  }

  private static func failure(_ path: String) -> CarinaError {
    CarinaError(
      .cannotWrite, "cannot be written: \(String(cString: strerror(errno)))", at: path,
      remedy: "Check the free space and the permissions of its directory.")
  }
}
