import CHDF5Survey
import CarinaRuntime
import Foundation

/// The rows of a dataset (its parts along the first dimension), read from where they lie in the file, without the HDF5
/// library. Safe to use from several threads.
///
/// Rows that lie there plainly, as preprocess writes them, are copied from the mapped file; chunks of any shape and those
/// that gzip and the byte shuffle have been through are put together.
final class HDF5Rows: @unchecked Sendable {
  /// Where rows lie.
  private enum Source {
    case plain([UInt64])
    case run(UInt64)
    /// Numbers of the chunks by their position in the grid of chunks.
    case blocks(HDF5ChunkTable, grid: [Int], numbers: [Int32])
  }

  /// Bytes of a row.
  let rowByteCount: Int
  private let dataset: HDF5Dataset
  private let elementByteCount: Int
  private let source: Source
  // Unchecked because of this pointer, behind which nothing is written.
  private let map: UnsafeMutableRawPointer?
  private let mapped: MappedRead?

  private static let deflation: UInt32 = 1, shuffle: UInt32 = 2
  /// What a chunk may grow to, filtered or not; the format's own limit.
  private static let mostChunkBytes = 1 << 32 - 1

  /// - Throws: `CarinaError.badData` where a row is not in the file, or was filtered by what is not known here.
  init(_ dataset: HDF5Dataset) throws {
    let file = dataset.file, name = dataset.name
    guard let element = dataset.elementByteCount, let count = dataset.extent.first else {
      throw file.bad("\(name) has elements of another type")
    }
    (self.dataset, elementByteCount) = (dataset, element)
    var size = element
    for extent in dataset.extent.dropFirst() {
      let (product, isTooLarge) = size.multipliedReportingOverflow(by: extent)
      guard !isTooLarge, product <= 1 << 40 else { throw file.bad("\(name) has rows that are too long") }
      size = product
    }
    rowByteCount = size
    switch dataset.structure.layout {
    case .contiguous:
      guard let run = dataset.run() else { throw file.bad("\(name) is not wholly in the file") }
      source = .run(run.lowerBound)
    case .chunked(let table):
      source = try Self.chunked(table, dataset, element: element, rowByteCount: size)
    case .other:
      throw CarinaError(
        .badData, "\(name) is stored in a way that is not read", at: file.path,
        expected: "one run of bytes in the file, or chunks", remedy: "Change that by h5repack -l CONTI.")
    }
    if case .blocks = source { map = nil } else { map = count > 0 ? Self.mapped(file) : nil }
    mapped = map.map { MappedRead($0, pieceCount: count, pieceByteCount: size) }
  }

  /// The whole file in memory; nil where that is not possible, or would take the room that a limit of the address space
  /// leaves for everything else. Bytes are then read by calls.
  private static func mapped(_ file: HDF5InputFile) -> UnsafeMutableRawPointer? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur == rlim_t.max,
      let map = mmap(nil, file.byteCount, PROT_READ, MAP_PRIVATE, file.descriptor, 0), map != MAP_FAILED
    else { return nil }
    return map
  }

  deinit { if let map { munmap(map, dataset.file.byteCount) } }

  private static func chunked(
    _ table: HDF5ChunkTable, _ dataset: HDF5Dataset, element: Int, rowByteCount: Int
  ) throws -> Source {
    let file = dataset.file, name = dataset.name, extent = dataset.extent, rank = extent.count
    for filter in table.filters where ![deflation, shuffle].contains(filter.number) {
      throw CarinaError(
        .badData, "\(name) went through the filter \"\(filter.name)\", which is not undone here", at: file.path,
        expected: "no filter, gzip, or shuffle and gzip",
        remedy: "Take it out by h5repack -f NONE IN OUT, and put the new SHA-256 and size into the manifest.")
    }
    guard table.extent.allSatisfy({ $0 > 0 }), table.extent.reduce(1.0, { $0 * Double($1) }) < 4e9 else {
      throw file.bad("\(name) has chunks of an impossible size")
    }
    let grid = zip(extent, table.extent).map { ($0 + $1 - 1) / $1 }
    let plain = table.extent.reduce(element, *)
    guard grid.reduce(1.0, { $0 * Double($1) }) == Double(table.chunks.count) else {
      throw file.bad(
        "\(name) lacks chunks", expected: grid.map(String.init).joined(separator: " x "),
        found: "\(table.chunks.count)")
    }
    var numbers = [Int32](repeating: -1, count: table.chunks.count)
    for (number, chunk) in table.chunks.enumerated() {
      var position = 0
      for axis in 0..<rank {
        let offset = table.offsets[number * rank + axis]
        guard offset % table.extent[axis] == 0, offset / table.extent[axis] < grid[axis] else {
          throw file.bad("\(name) has a chunk outside of it")
        }
        position = position * grid[axis] + offset / table.extent[axis]
      }
      let isPlain =
        table.filters.isEmpty
        || chunk.mask & (1 << UInt32(table.filters.count) - 1) == 1 << UInt32(table.filters.count) - 1
      guard numbers[position] < 0, chunk.byteCount <= UInt64(file.byteCount), chunk.address >= 48,
        chunk.address <= UInt64(file.byteCount) - chunk.byteCount, !isPlain || chunk.byteCount == UInt64(plain)
      else { throw file.bad("\(name) has a chunk that is not wholly in the file, or is there twice") }
      numbers[position] = Int32(number)
    }
    let isRow =
      table.filters.isEmpty && table.extent.first == 1 && Array(table.extent.dropFirst()) == Array(extent.dropFirst())
    return isRow
      ? .plain(numbers.map { table.chunks[Int($0)].address }) : .blocks(table, grid: grid, numbers: numbers)
  }

  /// Reads a row to a buffer of `rowByteCount`.
  /// - Returns: the CRC-32 of its bytes.
  /// - Throws: `CarinaError.badData` where they cannot be read.
  func read(row: Int, into buffer: UnsafeMutableRawPointer) throws -> UInt32 {
    switch source {
    case .plain(let addresses): return try copy(row, addresses[row], buffer)
    case .run(let start): return try copy(row, start + UInt64(row * rowByteCount), buffer)
    case .blocks(let table, let grid, let numbers):
      try assemble(row..<row + 1, table, grid, numbers, buffer)
      return CRC32.of(UnsafeRawBufferPointer(start: buffer, count: rowByteCount))
    }
  }

  /// Reads several rows.
  /// - Throws: as `read(row:into:)`.
  func read(_ rows: Range<Int>) throws -> [UInt8] {
    let count = rows.count * rowByteCount
    guard count > 0 else { return [] }
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      guard let base = buffer.baseAddress.map(UnsafeMutableRawPointer.init) else { return }
      switch source {
      case .run(let start):
        try dataset.file.read(start + UInt64(rows.lowerBound * rowByteCount), count, into: base)
      case .plain(let addresses):
        for (number, row) in rows.enumerated() {
          try dataset.file.read(addresses[row], rowByteCount, into: base + number * rowByteCount)
        }
      case .blocks(let table, let grid, let numbers): try assemble(rows, table, grid, numbers, base)
      }
      initialized = count
    }
  }

  private func copy(_ row: Int, _ address: UInt64, _ buffer: UnsafeMutableRawPointer) throws -> UInt32 {
    guard let mapped else {
      try dataset.file.read(address, rowByteCount, into: buffer)
      return CRC32.of(UnsafeRawBufferPointer(start: buffer, count: rowByteCount))
    }
    guard let sum = mapped.copy(piece: row, at: Int(address), to: buffer) else {
      throw dataset.file.bad("became shorter while it was open, or its disk fails")
    }
    return sum
  }

  /// Puts rows together from the chunks that they go through.
  private func assemble(
    _ rows: Range<Int>, _ table: HDF5ChunkTable, _ grid: [Int], _ numbers: [Int32], _ buffer: UnsafeMutableRawPointer
  ) throws {
    let rank = grid.count, extent = dataset.extent
    let first = rows.lowerBound / table.extent[0], last = (rows.upperBound - 1) / table.extent[0]
    let acrossCount = grid.dropFirst().reduce(1, *)
    for position in first * acrossCount..<(last + 1) * acrossCount {
      let chunk = try decoded(Int(numbers[position]), table)
      var (rest, origin) = (position, [Int](repeating: 0, count: rank))
      for axis in (0..<rank).reversed() {
        origin[axis] = rest % grid[axis] * table.extent[axis]
        rest /= grid[axis]
      }
      // What of the dataset is in the chunk and wanted.
      let low = [max(origin[0], rows.lowerBound)] + origin.dropFirst()
      let high = (0..<rank).map { min(origin[$0] + table.extent[$0], $0 == 0 ? rows.upperBound : extent[$0]) }
      copy(chunk, table.extent, origin, low, high, rows.lowerBound, buffer)
    }
  }

  /// Copies the block from `low` up to `high`, run by run along the last dimension.
  private func copy(
    _ chunk: [UInt8], _ chunkExtent: [Int], _ origin: [Int], _ low: [Int], _ high: [Int], _ firstRow: Int,
    _ buffer: UnsafeMutableRawPointer
  ) {
    let rank = low.count, extent = dataset.extent, run = (high[rank - 1] - low[rank - 1]) * elementByteCount
    var index = low
    chunk.withUnsafeBytes { bytes in
      guard let source = bytes.baseAddress else { return }
      while true {
        var (from, to) = (0, 0)
        for axis in 0..<rank {
          from = from * chunkExtent[axis] + index[axis] - origin[axis]
          to = to * (axis == 0 ? 1 : extent[axis]) + index[axis] - (axis == 0 ? firstRow : 0)
        }
        memcpy(buffer + to * elementByteCount, source + from * elementByteCount, run)
        var axis = rank - 2
        while axis >= 0 {
          index[axis] += 1
          if index[axis] < high[axis] { break }
          index[axis] = low[axis]
          axis -= 1
        }
        if axis < 0 { return }
      }
    }
  }

  /// A chunk as it was before its filters.
  private func decoded(_ number: Int, _ table: HDF5ChunkTable) throws -> [UInt8] {
    let chunk = table.chunks[number], size = table.extent.reduce(elementByteCount, *)
    var bytes = [UInt8](repeating: 0, count: Int(chunk.byteCount))
    try bytes.withUnsafeMutableBytes { bytes in
      if let base = bytes.baseAddress { try dataset.file.read(chunk.address, bytes.count, into: base) }
    }
    for (position, filter) in table.filters.enumerated().reversed() where chunk.mask >> UInt32(position) & 1 == 0 {
      bytes = filter.number == Self.deflation ? try inflated(bytes, size) : unshuffled(bytes)
    }
    guard bytes.count == size else { throw dataset.file.bad("a chunk of \(dataset.name) has another size") }
    return bytes
  }

  private func inflated(_ bytes: [UInt8], _ size: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
      let count = carina_inflate_chunk(bytes, bytes.count, buffer.baseAddress, size)
      guard count == size else { throw dataset.file.bad("a compressed chunk of \(dataset.name) is damaged") }
      initialized = size
    }
  }

  /// The shuffle stores the first bytes of all elements, then the second ones, and so on; a rest shorter than an element
  /// stays at the end.
  private func unshuffled(_ bytes: [UInt8]) -> [UInt8] {
    let count = bytes.count / elementByteCount
    guard elementByteCount > 1, count > 1 else { return bytes }
    var result = bytes
    for element in 0..<count {
      for byte in 0..<elementByteCount { result[element * elementByteCount + byte] = bytes[byte * count + element] }
    }
    return result
  }
}
