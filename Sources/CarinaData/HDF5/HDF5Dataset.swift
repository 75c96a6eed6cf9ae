import CarinaRuntime

/// A dataset of an open file with its shape.
package struct HDF5Dataset: Sendable {
  let file: HDF5InputFile
  let name: String
  let structure: HDF5Structure.Dataset

  /// Extent of each dimension.
  package var extent: [Int] { structure.extent }

  /// Bytes of an element; nil for texts and what else has no fixed size that is known here.
  var elementByteCount: Int? {
    switch structure.element {
    case .integer(let count, _), .float(let count): (1...8).contains(count) && structure.isLittleEndian ? count : nil
    case .text, .other: nil
    }
  }

  /// Whether the elements are integers of this size.
  func isInteger(byteCount: Int, isSigned: Bool) -> Bool {
    structure.element == .integer(byteCount: byteCount, isSigned: isSigned) && structure.isLittleEndian
  }

  /// Where in the file the whole dataset lies, when its bytes are there in one run; nil else.
  package func run() -> Range<UInt64>? {
    guard case .contiguous(let start, let size) = structure.layout, let elementByteCount,
      let total = byteCount(elementByteCount), UInt64(total) == size, size <= UInt64(file.byteCount),
      // Behind the shortest superblock, which nothing may be laid over.
      total == 0 || start >= 48 && start <= UInt64(file.byteCount) - size
    else { return nil }
    return total == 0 ? 0..<0 : start..<start + size
  }

  /// Bytes of the whole; nil where a number of 64 bits is too small for it.
  private func byteCount(_ element: Int) -> Int? {
    var total = element
    for extent in extent {
      let (product, isTooLarge) = total.multipliedReportingOverflow(by: extent)
      guard !isTooLarge else { return nil }
      total = product
    }
    return total
  }

  /// All bytes of a dataset that has a checksum, compared with it.
  /// - Throws: `CarinaError.badData` when they are not there, or others.
  func checkedBytes() throws -> [UInt8] {
    guard let sum = structure.sum else { throw file.bad("\(name) has no attribute \"crc32\"") }
    let rows = try HDF5Rows(self)
    let bytes = try rows.read(0..<(extent.first ?? 0))
    let found = bytes.withUnsafeBytes { CRC32.of($0) }
    guard Int64(found) == sum else {
      throw file.bad("\(name) does not have its checksum", expected: "CRC-32 \(sum)", found: "\(found)")
    }
    return bytes
  }
}

extension HDF5InputFile {
  /// All values of a list of 32-bit integers that has a checksum.
  /// - Throws: `CarinaError.badData` when they are not there, or others.
  func checkedIntegers<Value: FixedWidthInteger>(_ name: String) throws -> [Value] {
    let dataset = try dataset(name)
    guard dataset.extent.count == 1,
      dataset.isInteger(byteCount: MemoryLayout<Value>.size, isSigned: Value.isSigned)
    else { throw bad("\(name) has another rank or type", expected: "a list of \(Value.self)") }
    return try dataset.checkedBytes().withUnsafeBytes { Array($0.bindMemory(to: Value.self)) }
  }
}
