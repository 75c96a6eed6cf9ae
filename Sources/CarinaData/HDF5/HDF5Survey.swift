import CHDF5Survey
import CarinaRuntime
import Foundation

/// A look into HDF5 files by a process of its own, where alone the HDF5 library runs: a file that makes it crash, hang or
/// fill the memory ends in an error here.
///
/// What the other process says is read with limits and believed no further than a damaged file would be.
final class HDF5Survey {
  /// What is read from the pipe is not as it should be.
  private struct Broken: Error {}

  // One at a time: a child that is made meanwhile would hold the pipe open too.
  private static let lock = NSLock()
  private static let piece = 1 << 16

  private let pipe: Int32
  private var buffer: [UInt8] = []
  private var position = 0
  private var deadline = DispatchTime.now()

  private init(pipe: Int32) { self.pipe = pipe }

  /// Surveys open files.
  /// - Parameter files: each with its path, for errors, and its size.
  /// - Throws: `CarinaError.badData` for the first file that is no whole HDF5 file or that the library cannot stand.
  static func of(
    _ files: [(descriptor: Int32, path: String, byteCount: Int)], _ request: HDF5Request
  ) throws -> [HDF5Structure] {
    try lock.withLock {
      var pipe: Int32 = -1
      let child = start(files.map(\.descriptor), request, &pipe)
      guard child >= 0 else {
        throw CarinaError(
          .internalFailure, "no process can be started to look into shards: \(String(cString: strerror(errno)))",
          remedy: "Free memory or end other processes.")
      }
      defer { close(pipe) }
      let survey = HDF5Survey(pipe: pipe)
      var structures: [HDF5Structure] = []
      for file in files {
        do {
          guard let structure = try survey.structure(file.byteCount, request) else {
            carina_h5_survey_end(child, 1)
            throw failure(file.path, "is no whole HDF5 file")
          }
          structures.append(structure)
        } catch is Broken {
          let isLate = survey.deadline < .now()
          let signal = carina_h5_survey_end(child, isLate ? 1 : 0)
          throw failure(file.path, "has a damaged structure: " + ending(isLate ? SIGXCPU : signal))
        }
      }
      carina_h5_survey_end(child, 0)
      return structures
    }
  }

  static func failure(_ path: String, _ what: String) -> CarinaError {
    CarinaError(
      .badData, what, at: path,
      remedy: "It is damaged, was cut short or was not made by preprocess; copy it again or run preprocess again.")
  }

  private static func ending(_ signal: Int32) -> String {
    switch signal {
    case SIGXCPU, SIGKILL: "the HDF5 library does not come to an end with it"
    case 1...: "the HDF5 library crashes over it (signal \(signal))"
    default: "the HDF5 library gives up on it"
    }
  }

  private static func start(_ descriptors: [Int32], _ request: HDF5Request, _ pipe: inout Int32) -> pid_t {
    let attributes = request.attributes.map { UnsafePointer(strdup($0)) }
    let datasets = request.datasets.map { UnsafePointer(strdup($0.name)) }
    defer { for text in attributes + datasets { free(UnsafeMutableRawPointer(mutating: text)) } }
    let wants = request.datasets.map(\.values.rawValue)
    return attributes.withUnsafeBufferPointer { attributes in
      datasets.withUnsafeBufferPointer { datasets in
        wants.withUnsafeBufferPointer { wants in
          var request = carina_h5_request(
            attributes: attributes.baseAddress, attribute_count: Int32(attributes.count),
            datasets: datasets.baseAddress,
            wants: wants.baseAddress, dataset_count: Int32(datasets.count))
          return carina_h5_survey(descriptors, Int32(descriptors.count), &request, &pipe)
        }
      }
    }
  }

  /// The answer about one file; nil where it is no HDF5 file.
  private func structure(_ byteCount: Int, _ request: HDF5Request) throws -> HDF5Structure? {
    // The child limits its own processor time; this is for one that gets none.
    deadline = .now() + .seconds(60 + byteCount >> 22)
    guard try number(UInt8.self) == UInt8(ascii: "F") else { throw Broken() }
    guard try number(UInt8.self) == 1 else { return nil }
    var structure = HDF5Structure()
    for name in request.attributes {
      switch try number(UInt8.self) {
      case 0: break
      case 1: structure.attributes[name] = .text(String(decoding: try text(1 << 20), as: UTF8.self))
      case 2: structure.attributes[name] = .integer(try number(Int64.self))
      default: throw Broken()
      }
    }
    for (name, _) in request.datasets where try number(UInt8.self) == 1 {
      structure.datasets[name] = try dataset(byteCount)
    }
    guard try number(UInt8.self) == UInt8(ascii: "E") else { throw Broken() }
    return structure
  }

  private func dataset(_ byteCount: Int) throws -> HDF5Structure.Dataset {
    var dataset = HDF5Structure.Dataset()
    let (kind, order, isSigned) = (try number(UInt8.self), try number(UInt8.self), try number(UInt8.self))
    let size = Int(try number(UInt32.self))
    dataset.isLittleEndian = order == 1
    dataset.element =
      switch kind {
      case 1: .integer(byteCount: size, isSigned: isSigned == 1)
      case 2: .float(byteCount: size)
      case 3: .text
      default: .other
      }
    let rank = Int(try number(UInt8.self))
    dataset.extent = try extents(rank)
    let (hasSum, sum) = (try number(UInt8.self), try number(Int64.self))
    dataset.sum = hasSum == 1 ? sum : nil
    switch try number(UInt8.self) {
    case 1:
      let (address, size) = (try number(UInt64.self), try number(UInt64.self))
      dataset.layout = .contiguous(address: address, byteCount: size)
    case 2: dataset.layout = .chunked(try chunks(rank, byteCount))
    default: break
    }
    switch try number(UInt8.self) {
    case 1:
      var column = TextColumn()
      // Every text has a reference of 16 bytes, and bytes of its own in a heap.
      var left = 2 * byteCount + 1 << 20
      for _ in 0..<(try count(atMost: 1 << 31)) {
        let text = try text(left)
        left -= text.count
        text.withUnsafeBytes { column.append($0) }
      }
      dataset.texts = column
    case 2:
      let values = try bytes(4 * (try count(atMost: 1 << 31)))
      dataset.integers = values.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
    default: break
    }
    return dataset
  }

  private func chunks(_ rank: Int, _ byteCount: Int) throws -> HDF5ChunkTable {
    let extent = try extents(rank)
    var filters: [HDF5ChunkTable.Filter] = []
    for _ in 0..<(try number(UInt32.self)) {
      let number = try number(UInt32.self)
      let values = try (0..<(try self.number(UInt32.self))).map { _ in try self.number(UInt32.self) }
      filters.append(.init(number: number, name: String(decoding: try text(256), as: UTF8.self), values: values))
      guard filters.count <= 32 else { throw Broken() }
    }
    // Each chunk has at least a byte.
    let count = try count(atMost: byteCount)
    var offsets: [Int] = []
    var chunks: [HDF5ChunkTable.Chunk] = []
    for _ in 0..<count {
      offsets += try extents(rank)
      chunks.append(
        .init(mask: try number(UInt32.self), address: try number(UInt64.self), byteCount: try number(UInt64.self)))
    }
    return HDF5ChunkTable(extent: extent, filters: filters, offsets: offsets, chunks: chunks)
  }

  private func extents(_ rank: Int) throws -> [Int] {
    guard rank <= 8 else { throw Broken() }
    return try (0..<rank).map { _ in try count(atMost: 1 << 40) }
  }

  private func count(atMost most: Int) throws -> Int {
    guard let count = Int(exactly: try number(UInt64.self)), count <= most else { throw Broken() }
    return count
  }

  private func text(_ most: Int) throws -> [UInt8] {
    let count = Int(try number(UInt32.self))
    guard count <= most else { throw Broken() }
    return try bytes(count)
  }

  private func number<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
    let size = MemoryLayout<Value>.size
    if buffer.count - position < size { try fill(size) }
    defer { position += size }
    return buffer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: Value.self) }
  }

  private func bytes(_ count: Int) throws -> [UInt8] {
    if buffer.count - position < count { try fill(count) }
    defer { position += count }
    return Array(buffer[position..<position + count])
  }

  /// Reads on until `count` bytes are there.
  private func fill(_ count: Int) throws {
    buffer.removeSubrange(0..<position)
    position = 0
    var piece = [UInt8](repeating: 0, count: Self.piece)
    while buffer.count < count {
      let now = DispatchTime.now()
      guard now < deadline else { throw Broken() }
      var event = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
      let milliseconds = (deadline.uptimeNanoseconds - now.uptimeNanoseconds) / 1_000_000 + 1
      let ready = poll(&event, 1, Int32(clamping: milliseconds))
      if ready < 0 && errno != EINTR { throw Broken() }
      guard ready > 0 else { continue }
      let got = read(pipe, &piece, piece.count)
      if got < 0 && errno == EINTR { continue }
      guard got > 0 else { throw Broken() }
      buffer += piece[0..<got]
    }
  }
}
