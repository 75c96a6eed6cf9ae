import CarinaRuntime
import Foundation

/// A new HDF5 file, written without the HDF5 library: equal calls give equal bytes whatever library is installed, and a
/// full disk is an error like any other.
///
/// Every dataset lies in one run. The structure comes behind the data and the superblock last, so a file that is not
/// finished is none.
package final class HDF5OutputFile {
  /// What a dataset's elements are.
  package enum FixedElement {
    case byte, word, float
  }

  private enum Node {
    case group([(name: String, node: Int)])
    case dataset(HDF5Header.Element, shape: [Int], address: UInt64, sum: UInt32?)
  }

  /// Where data begin to lie: a multiple of it suits copies, the first of a file suits pages.
  private static let alignment = 64, firstAddress = 4096
  /// Bytes of a call: the system keeps what is written at once in large pages, from which it is read a third faster.
  private static let piece = 8 << 20

  private let path: String
  private let descriptor: Int32
  private var end = HDF5OutputFile.firstAddress
  private var pending: [UInt8] = []
  private var pendingStart = 0
  private var nodes: [Node] = [.group([])]
  private var attributes: [(type: UInt8, bytes: [UInt8])] = []
  private var isOpen = true

  /// - Throws: `CarinaError.cannotWrite`.
  package init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw WriteFailure.error(path) }
  }

  deinit { if isOpen { close(descriptor) } }

  /// Gives the root group a text attribute.
  package func setAttribute(_ name: String, text: String) throws {
    guard text.utf8.count <= HDF5Header.mostMessageBytes else {
      throw CarinaError(.internalFailure, "the attribute \(name) is too long for an HDF5 file", at: path)
    }
    attributes.append(HDF5Header.attribute(name, text: text))
  }

  /// Gives the root group an attribute of a 32-bit integer.
  package func setAttribute(_ name: String, integer: UInt32) {
    attributes.append(HDF5Header.attribute(name, integer: integer))
  }

  /// Makes a dataset of zeros, a hole where the file system knows holes, to be filled in place.
  package func makeFixed(_ name: String, _ element: FixedElement, shape: [Int]) {
    let element: HDF5Header.Element =
      switch element {
      case .byte: .byte
      case .word: .word
      case .float: .float
      }
    let address = reserve(shape.reduce(element.byteCount, *))
    add(.dataset(element, shape: shape, address: UInt64(address), sum: nil), as: name)
  }

  /// Takes room for bytes that are written to it by `write`.
  /// - Returns: where it begins.
  func reserve(_ byteCount: Int) -> Int {
    let address = (end + Self.alignment - 1) / Self.alignment * Self.alignment
    end = address + byteCount
    return address
  }

  /// Makes the room that was taken last longer.
  func extend(by byteCount: Int) { end += byteCount }

  /// Makes a dataset of bytes that were written to a room from `address` on.
  func addBytes(_ name: String, shape: [Int], at address: Int) {
    add(.dataset(.byte, shape: shape, address: UInt64(address), sum: nil), as: name)
  }

  /// Writes a list of integers as a dataset with their checksum.
  /// - Throws: `CarinaError.cannotWrite`.
  func write<Value: FixedWidthInteger>(_ values: [Value], as name: String) throws {
    let element: HDF5Header.Element =
      switch Value.self {
      case is UInt8.Type: .byte
      case is UInt32.Type: .uint32
      case is Int32.Type: .int32
      default: .int64
      }
    precondition(element.byteCount == MemoryLayout<Value>.size)
    try values.withUnsafeBytes { bytes in
      let address = reserve(bytes.count)
      try write(bytes, at: address)
      add(.dataset(element, shape: [values.count], address: UInt64(address), sum: CRC32.of(bytes)), as: name)
    }
  }

  /// Writes texts as two datasets below a name: `bytes`, all of them one after the other, and `offsets`, where each
  /// begins and the last ends.
  /// - Throws: `CarinaError.cannotWrite`.
  func write(_ texts: [String], as name: String) throws {
    var (bytes, offsets): ([UInt8], [Int64]) = ([], [0])
    for text in texts {
      // Version 1 could not hold a zero byte, and a text must not change with the version.
      bytes +=
        text.utf8.contains(0) ? Array(text.replacingOccurrences(of: "\0", with: "\u{fffd}").utf8) : Array(text.utf8)
      offsets.append(Int64(bytes.count))
    }
    try write(bytes, as: name + "/bytes")
    try write(offsets, as: name + "/offsets")
  }

  /// Writes bytes at an address. What follows the bytes before waits with them until it is worth a call.
  /// - Throws: `CarinaError.cannotWrite`.
  func write(_ bytes: UnsafeRawBufferPointer, at address: Int) throws {
    if address != pendingStart + pending.count { try flush() }
    if pending.isEmpty { pendingStart = address }
    pending.append(contentsOf: bytes)
    if pending.count >= Self.piece { try flush() }
  }

  private func flush() throws {
    var done = 0
    while done < pending.count {
      let put = pending.withUnsafeBytes { bytes in
        bytes.baseAddress.map { pwrite(descriptor, $0 + done, bytes.count - done, off_t(pendingStart + done)) } ?? 0
      }
      if put < 0 && errno == EINTR { continue }
      guard put > 0 else { throw WriteFailure.error(path) }
      done += put
    }
    pending.removeAll(keepingCapacity: true)
  }

  /// Reads bytes that were written back.
  /// - Throws: `CarinaError.cannotWrite`.
  func read(into bytes: UnsafeMutableRawBufferPointer, at address: Int) throws {
    try flush()
    var done = 0
    while done < bytes.count, let start = bytes.baseAddress {
      let got = pread(descriptor, start + done, bytes.count - done, off_t(address + done))
      if got < 0 && errno == EINTR { continue }
      guard got > 0 else { throw WriteFailure.error(path, "what was just written cannot be read back") }
      done += got
    }
  }

  /// Writes the structure, brings the file to the disk and closes it.
  /// - Returns: the file's size.
  /// - Throws: `CarinaError.cannotWrite`.
  @discardableResult
  package func finish() throws -> Int {
    var (structure, addresses) = ([UInt8](), [UInt64](repeating: 0, count: nodes.count))
    let start = reserve(0)
    // Made after the group that links it, each node stands before it in the file.
    for number in nodes.indices.reversed() {
      addresses[number] = UInt64(start + structure.count)
      switch nodes[number] {
      case .group(let links):
        let links = links.map { (name: $0.name, address: addresses[$0.node]) }
        structure += HDF5Header.object(HDF5Header.group(links) + (number == 0 ? attributes : []))
      case .dataset(let element, let shape, let address, let sum):
        structure += HDF5Header.object(
          HDF5Header.dataset(element, shape: shape, address: address)
            + (sum.map { [HDF5Header.attribute("crc32", integer: $0)] } ?? []))
      }
    }
    try structure.withUnsafeBytes { try write($0, at: start) }
    let size = start + structure.count
    try HDF5Header.superblock(root: addresses[0], end: UInt64(size)).withUnsafeBytes { try write($0, at: 0) }
    try flush()
    guard fsync(descriptor) == 0 else { throw WriteFailure.error(path, "cannot be brought to the disk") }
    isOpen = false
    // Some file systems tell only here that bytes found no room.
    guard close(descriptor) == 0 else { throw WriteFailure.error(path) }
    return size
  }

  /// Hangs a node below the root, with the groups on the way to it.
  private func add(_ node: Node, as name: String) {
    let parts = name.split(separator: "/").map(String.init)
    var group = 0
    for part in parts.dropLast() {
      if let link = links(group).first(where: { $0.name == part }) {
        group = link.node
      } else {
        nodes.append(.group([]))
        link(part, nodes.count - 1, in: group)
        group = nodes.count - 1
      }
    }
    nodes.append(node)
    link(parts.last ?? "", nodes.count - 1, in: group)
  }

  private func links(_ group: Int) -> [(name: String, node: Int)] {
    if case .group(let links) = nodes[group] { links } else { [] }
  }

  private func link(_ name: String, _ node: Int, in group: Int) {
    nodes[group] = .group(links(group) + [(name, node)])
  }
}
