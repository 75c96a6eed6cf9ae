import CarinaModel
import CarinaRuntime
import CarinaTensor
import Foundation

/// A decoder's matrices in 8 bits, rounded once and kept in a file that is mapped from then on: half the bytes of the
/// checkpoint, which then is read for single rows of embeddings alone.
///
/// The file begins with the length of its header, 8 bytes little-endian, and the header, sealed JSON; the matrices
/// follow, each at a multiple of 4096, as `QuantizedLayout` divides them. Each has a CRC-32, which is compared when the
/// file is opened.
package struct QuantizedWeightsFile {
  static let format = "carina-int8-weights", version = 1
  private static let pageByteCount = 4096

  /// Where it is.
  package let path: String
  /// The fingerprint of the weights that were rounded.
  package let weights: String

  /// What happened when the weights were taken from the file.
  package enum Outcome: Equatable {
    /// They were there.
    case mapped
    /// They were rounded and written, because there was no file, or for the reason given.
    case written(because: String?)
  }

  private struct Row {
    let name: String, layout: QuantizedLayout, offset: Int
    var checksum: UInt32 = 0
  }

  /// A file, there already or to be made.
  /// - Parameter weights: `WeightsDirectory.sampledFingerprint` of the checkpoint.
  package init(_ path: String, weights: String) {
    self.path = path
    self.weights = weights
  }

  /// Gives frozen matrices their 8-bit copies: mapped where the file holds them whole, otherwise rounded one by one,
  /// written beside and renamed, and mapped. Where two processes do so at once, both write the same bytes.
  /// - Throws: `CarinaError.usage` for a directory, `.badData` for a file of another kind, which stays as it is,
  ///   `.cannotWrite`.
  package func use(for parameters: [Parameter]) throws -> Outcome {
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
    guard !isDirectory.boolValue else {
      throw CarinaError(
        .usage, "\(setting: .quantizedWeightsFile) names a directory", at: path,
        expected: "a file, there already or to be made", remedy: "Add a name, e.g. \(path)/int8-weights.bin.")
    }
    var reason: String?
    if exists {
      do {
        try map(parameters)
        return .mapped
      } catch let error as CarinaError where error.kind == .badData {
        try requireOwn()
        reason = error.what
      }
    }
    try write(parameters)
    try map(parameters)
    return .written(because: reason)
  }

  /// Refuses to write over what does not begin as these files do.
  private func requireOwn() throws {
    let marker = Data("{\"format\": \"\(QuantizedWeightsFile.format)\"".utf8)
    let beginning = try? FileHandle(forReadingFrom: URL(fileURLWithPath: path)).read(upToCount: 8 + marker.count)
    guard let beginning, !beginning.isEmpty else { return }
    guard beginning.count > 8, marker.starts(with: beginning.dropFirst(8)) else {
      throw CarinaError(
        .badData, "is no file of weights in 8 bits, and is left as it is", at: path,
        remedy: "Name another with \(setting: .quantizedWeightsFile), or remove it.")
    }
  }

  private func rows(_ parameters: [Parameter], after header: Int) -> [Row] {
    var next = aligned(header)
    return parameters.map { parameter in
      let matrix = parameter.matrix, layout = QuantizedLayout(rows: matrix.rows, columns: matrix.width)
      defer { next = aligned(next + layout.byteCount) }
      return Row(name: parameter.name, layout: layout, offset: next)
    }
  }

  private func aligned(_ count: Int) -> Int {
    (count + QuantizedWeightsFile.pageByteCount - 1) / QuantizedWeightsFile.pageByteCount
      * QuantizedWeightsFile.pageByteCount
  }

  /// The header, whose length does not depend on checksums.
  private func header(_ rows: [Row]) throws -> [UInt8] {
    let matrices = rows.map { row -> JSONValue in
      [
        "name": .string(row.name), "rows": .integer(row.layout.rows), "columns": .integer(row.layout.columns),
        "offset": .integer(row.offset), "crc32": .string(hexadecimal(row.checksum)),
      ]
    }
    let object = try JSONObject([
      ("format", .string(QuantizedWeightsFile.format)), ("format_version", .integer(QuantizedWeightsFile.version)),
      ("weights", .string(weights)), ("matrices", .array(matrices)),
    ]).sealed()
    let text = Array(try JSONValue.object(object).serialized().utf8)
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
  }

  private func hexadecimal(_ number: UInt32) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  private func write(_ parameters: [Parameter]) throws {
    // The header names offsets that depend on its own length: those behind a far beginning have the most digits.
    let length = aligned(try header(rows(parameters, after: 1 << 40)).count)
    var table = rows(parameters, after: length)
    try AtomicFile.write(to: path) { temporary in
      guard let file = fopen(temporary, "wb") else { throw WriteFailure.error(path) }
      var isOpen = true
      defer { if isOpen { fclose(file) } }
      func put(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        guard fseek(file, offset, SEEK_SET) == 0, fwrite(bytes.baseAddress, 1, bytes.count, file) == bytes.count else {
          throw WriteFailure.error(path)
        }
      }
      for (index, parameter) in parameters.enumerated() {
        let rounded = parameter.value.backend.quantized(parameter.matrix)
        parameter.value.storage.releaseResidentPages()
        try bytes(of: rounded, table[index].layout).withHostBytes { bytes in
          table[index].checksum = CRC32.of(bytes)
          try put(bytes, at: table[index].offset)
        }
      }
      let header = try header(table)
      guard header.count <= length else { throw CarinaError(.internalFailure, "the header grew", at: path) }
      try header.withUnsafeBytes { try put($0, at: 0) }
      isOpen = false
      guard fclose(file) == 0 else { throw WriteFailure.error(path) }
    }
  }

  private func bytes(of factor: any QuantizedFactor, _ layout: QuantizedLayout) -> Tensor {
    Tensor(shape: [layout.byteCount / 2], elementType: .bfloat16, storage: factor.storage)
  }

  /// Maps the file's matrices.
  /// - Throws: `CarinaError.badData` with what is wrong or stale, and then no parameter has changed.
  private func map(_ parameters: [Parameter]) throws {
    func bad(_ what: String) -> CarinaError { CarinaError(.badData, what, at: path) }
    let file: MappedFile
    do {
      file = try MappedFile(path: path)
    } catch let error as CarinaError {
      throw bad(error.what)
    }
    guard file.byteCount >= 8 else { throw bad("it ends early") }
    let length = file.bytes(0..<8).loadUnaligned(as: UInt64.self).littleEndian
    guard length <= UInt64(min(file.byteCount - 8, 1 << 26)) else { throw bad("it ends early") }
    let document = try JSONValue.parse(Data(file.bytes(8..<8 + Int(length))), source: path)
    guard let object = document.object, object["format"]?.string == QuantizedWeightsFile.format,
      object["format_version"]?.int == QuantizedWeightsFile.version
    else { throw bad("it is of another kind or version") }
    try object.requireSeal(source: path)
    guard object["weights"]?.string == weights else { throw bad("it was made of other weights") }
    let rows = try rows(object["matrices"]?.array ?? [], parameters, file, bad)
    // Unsafe: each task writes an element of its own.
    var isWhole = [Bool](repeating: false, count: rows.count)
    isWhole.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let target = buffer
      ThreadTeam.run(taskCount: rows.count) { index in
        let row = rows[index]
        target[index] = CRC32.of(file.bytes(row.offset..<row.offset + row.layout.byteCount)) == row.checksum
      }
    }
    if let index = isWhole.firstIndex(of: false) { throw bad("its \(rows[index].name) is damaged") }
    for (parameter, row) in zip(parameters, rows) {
      let backend = parameter.value.backend
      let storage = backend.adopt(file.pointer + row.offset, byteCount: row.layout.byteCount, owner: file)
      parameter.use(backend.quantized(rows: row.layout.rows, columns: row.layout.columns, storage: storage))
    }
  }

  /// The header's rows, which must be those of the parameters and lie in the file.
  private func rows(
    _ entries: [JSONValue], _ parameters: [Parameter], _ file: MappedFile, _ bad: (String) -> CarinaError
  ) throws -> [Row] {
    guard entries.count == parameters.count else { throw bad("it holds other matrices") }
    return try zip(entries, parameters).map { entry, parameter in
      let matrix = parameter.matrix, layout = QuantizedLayout(rows: matrix.rows, columns: matrix.width)
      guard let name = entry["name"]?.string, name.isExactly(parameter.name), entry["rows"]?.int == layout.rows,
        entry["columns"]?.int == layout.columns
      else { throw bad("it holds other matrices") }
      guard let offset = entry["offset"]?.int, offset >= 0, offset % QuantizedWeightsFile.pageByteCount == 0,
        offset <= file.byteCount - layout.byteCount
      else { throw bad("it ends early") }
      guard let checksum = entry["crc32"]?.string.flatMap({ UInt32($0, radix: 16) }) else {
        throw bad("it lacks a checksum")
      }
      return Row(name: parameter.name, layout: layout, offset: offset, checksum: checksum)
    }
  }
}
