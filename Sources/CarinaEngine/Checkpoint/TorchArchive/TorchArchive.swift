import CarinaRuntime

/// A file that `torch.save` wrote of a `state_dict` (the zip archive of PyTorch 1.6 and later, `pytorch/docs/source/notes/serialization.rst`):
/// names and tensors, read without executing anything.
///
///     let archive = try TorchArchive(path: "projector_best.bin")
///     archive.tensors.map(\.name)   // model.0.weight, model.0.bias, …
struct TorchArchive {
  /// Where it is.
  let path: String
  /// The tensors, each within the numbers that its entry holds.
  private(set) var tensors: [(name: String, tensor: TorchPickle.TensorDescription)] = []
  private let mapping: MappedFile
  private let root: String
  private let entries: [ExactText: StoredZip.Entry]
  /// The storages whose checksum was compared: many tensors may share one.
  private var compared: Set<ExactText> = []

  /// What to do with a file of another kind.
  static let resave =
    "With PyTorch: torch.save(MODULE.state_dict(), FILE), or save_file of safetensors.torch. Never load a file of unknown "
    + "origin there without weights_only=True."

  /// Whether a file has one of the names that PyTorch's users give.
  static func isNamedSo(_ path: String) -> Bool { [".bin", ".pt", ".pth"].contains { path.hasSuffix($0) } }

  /// Opens a file and checks what describes the tensors; their numbers are not read.
  /// - Throws: `CarinaError.missingInput` when it is absent, `.badData` for a file that is damaged, no archive of torch, of
  ///   another byte order, or holds anything but names and tensors.
  init(path: String) throws {
    self.path = path
    mapping = try MappedFile(path: path)
    try InputLimit.torchArchive.require(mapping.byteCount, at: path)
    let bytes = mapping.bytes(0..<mapping.byteCount)
    guard bytes.starts(with: StoredZip.start) else { throw TorchArchive.foreign(bytes, path) }
    let zip = try StoredZip(bytes, source: path)
    let roots = zip.entries.map(\.name).filter { $0.hasSuffix("/data.pkl") && $0.split(separator: "/").count == 2 }
    guard roots.count == 1, let pickle = roots.first else {
      throw CarinaError(
        .badData, "is no archive of torch.save", at: path, expected: "one entry NAME/data.pkl",
        found: NameList.text(zip.entries.map(\.name)), remedy: TorchArchive.resave)
    }
    root = String(pickle.dropLast("data.pkl".count))
    entries = Dictionary(zip.entries.map { (ExactText($0.name), $0) }, uniquingKeysWith: { left, _ in left })
    guard entries[ExactText(root + "constants.pkl")] == nil else {
      throw CarinaError(
        .badData, "is a program of TorchScript, not weights", at: path, remedy: TorchArchive.resave)
    }
    try requireText("byteorder", ["little"])
    try requireText("version", (1...10).map(String.init))
    guard let description = entries[ExactText(pickle)] else { return }
    tensors = try TorchPickle(checked(description), source: path).tensors
    try requireTensors()
  }

  /// The numbers of a tensor, in the order of its dimensions without gaps.
  /// - Throws: `CarinaError.badData` when the CRC-32 of the entry is another.
  mutating func copy(_ tensor: TorchPickle.TensorDescription, to target: UnsafeMutableRawBufferPointer) throws {
    let name = ExactText(root + "data/" + tensor.storage)
    guard let entry = entries[name] else { return }
    let isFresh = compared.insert(name).inserted, width = tensor.element.bitCount / 8
    let bytes = isFresh ? try checked(entry) : mapping.bytes(entry.byteRange)
    guard target.count > 0 else { return }
    var inner = 1
    // The last dimensions without gaps are copied at once.
    var dimensions = zip(tensor.shape, tensor.strides).map { (length: $0, stride: $1) }
    while let last = dimensions.last, last.stride == inner || last.length == 1 {
      inner *= last.length
      dimensions.removeLast()
    }
    var indices = [Int](repeating: 0, count: dimensions.count), source = tensor.offset, written = 0
    while true {
      let range = source * width..<(source + inner) * width
      UnsafeMutableRawBufferPointer(rebasing: target[written..<written + range.count])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
      written += range.count
      var axis = dimensions.count - 1
      while axis >= 0 {
        indices[axis] += 1
        source += dimensions[axis].stride
        if indices[axis] < dimensions[axis].length { break }
        source -= dimensions[axis].stride * dimensions[axis].length
        indices[axis] = 0
        axis -= 1
      }
      if axis < 0 { break }
    }
  }

  /// The bytes of an entry, once their CRC-32 was compared.
  private func checked(_ entry: StoredZip.Entry) throws -> UnsafeRawBufferPointer {
    let bytes = mapping.bytes(entry.byteRange), sum = CRC32.of(bytes)
    guard sum == entry.checksum else {
      throw CarinaError(
        .badData, "the checksum of the entry \(entry.name) does not match", at: path,
        expected: "CRC-32 \(String(entry.checksum, radix: 16))", found: String(sum, radix: 16),
        remedy: "The file is damaged; copy or save it again.")
    }
    return bytes
  }

  /// Refuses a small entry with another text. Older versions of torch write none of the name.
  private func requireText(_ name: String, _ known: [String]) throws {
    guard let entry = entries[ExactText(root + name)] else { return }
    let bytes = try checked(entry).prefix(16)
    let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
    guard known.contains(text) else {
      throw CarinaError(
        .badData, "the archive's \(name) is not one that is read", at: path,
        expected: known.count == 1 ? known[0] : "\(known[0]) to \(known[known.count - 1])", found: text,
        remedy: TorchArchive.resave)
    }
  }

  /// Refuses tensors that reach out of their entries, and more numbers than the file can mean.
  private func requireTensors() throws {
    var names = Set<ExactText>(), byteCount = 0
    for (name, tensor) in tensors {
      let location = "\(path), tensor \(name)"
      func refusal(_ what: String, expected: String? = nil, found: String? = nil) -> CarinaError {
        CarinaError(.badData, what, at: location, expected: expected, found: found)
      }
      guard names.insert(ExactText(name)).inserted else { throw refusal("is there twice") }
      guard let entry = entries[ExactText(root + "data/" + tensor.storage)] else {
        throw refusal("its numbers are not in the file", expected: "the entry \(root)data/\(tensor.storage)")
      }
      let width = tensor.element.bitCount / 8
      guard entry.byteRange.count % width == 0, entry.byteRange.count / width == tensor.storageCount else {
        throw refusal(
          "the entry of its numbers has another length", expected: "\(tensor.storageCount) numbers of \(width) bytes",
          found: "\(entry.byteRange.count) bytes")
      }
      guard let count = tensor.count(within: tensor.storageCount) else {
        throw refusal(
          "its shape \(tensor.shape) with steps of \(tensor.strides) does not lie within its numbers",
          expected: "at most \(tensor.storageCount) numbers")
      }
      // Two names may share numbers; a file of which more is made than twice its length means something else.
      byteCount += count * width
      guard byteCount <= 2 * mapping.byteCount else {
        throw refusal(
          "the tensors of the file are larger than the file", expected: "at most twice \(mapping.byteCount) bytes")
      }
    }
  }

  /// The error for a file that is no zip archive.
  private static func foreign(_ bytes: UnsafeRawBufferPointer, _ path: String) -> CarinaError {
    if let refusal = LargeFilePointer.refusal(bytes.prefix(LargeFilePointer.start.count), source: path) {
      return refusal
    }
    // The number 0x1950a86a20f9469cfc6c as a pickle, with which torch before 1.6 began its files.
    let old: [UInt8] = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]
    return CarinaError(
      .badData, bytes.starts(with: old) ? "is a file of torch.save before PyTorch 1.6" : "is no archive of torch.save",
      at: path, expected: "the zip archive that torch.save writes", remedy: resave)
  }
}

extension TorchPickle.TensorDescription {
  /// How many numbers it has; nil where they do not lie within so many, or are more than there are.
  func count(within total: Int) -> Int? {
    guard offset >= 0, shape.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 }) else { return nil }
    // Lengths beside a zero are multiplied later in any order.
    var product = 1
    for length in shape {
      let (next, overflows) = product.multipliedReportingOverflow(by: max(length, 1))
      guard !overflows, next <= Int(Int32.max) << 16 else { return nil }
      product = next
    }
    guard !shape.contains(0) else { return 0 }
    var last = offset
    for (length, stride) in zip(shape, strides) {
      let (step, isTooFar) = (length - 1).multipliedReportingOverflow(by: stride)
      let (next, overflows) = last.addingReportingOverflow(step)
      guard !isTooFar, !overflows else { return nil }
      last = next
    }
    return last < total && product <= total ? product : nil
  }
}
