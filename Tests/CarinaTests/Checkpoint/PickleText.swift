import Foundation

import Carina

/// Pickles and zip archives made by hand.
enum PickleText {
  /// What every pickle of version 2 begins with.
  static let start = Data([0x80, 2])

  /// Descriptions that are refused, and words of the refusal.
  static let hostile: [(name: String, pickle: Data, words: String)] = [
    ("deep tuples", nested(100_000, 0x85), "too deep"),
    ("deep dictionaries", deepDictionaries(100_000), "too deep"),
    ("a dictionary in itself", plain("}q\u{0}X\u{1}\u{0}\u{0}\u{0}ah\u{0}s."), "part of itself"),
    ("a memo that doubles", doubling(60), "too deep"),
    ("a memo of nothing", plain("h\u{5}."), "does not have"),
    ("no values for a tuple", plain("t."), "not there"),
    ("a tuple from below a mark", plain("N(", [0x85], "t."), "not there"),
    ("a long number", plain("", [0x8a, 200] + [UInt8](repeating: 0, count: 200), "."), "too large"),
    ("a text without its end", plain("X", [255, 255, 255, 255]), "cut short"),
    ("a text that is no UTF-8", plain("", [0x8c, 1, 0xff, 0x2e]), "no UTF-8"),
    ("a pickle of version 9", Data([0x80, 9, 0x2e]), "unknown version"),
    ("a list", plain("]."), "0x5d"),
    ("an object", plain(")", [0x81, 0x2e]), "0x81"),
    ("a number", plain("K", [7, 0x2e]), "no dictionary"),
    ("eval", plain("c__builtin__\neval\n."), "__builtin__.eval"),
    ("system from the stack", plain("X\u{2}\u{0}\u{0}\u{0}osX\u{6}\u{0}\u{0}\u{0}system", [0x93, 0x2e]), "os.system"),
    ("too many bytes", start + Data(count: 5 << 20), "too long"),
    ("nothing", Data(), "cut short"),
  ]

  /// Tensors that are refused, and words of the refusal.
  static let reaching: [(tensor: Data, words: String)] = [
    (tensor(shape: [9], strides: [1]), "does not lie within"),
    (tensor(offset: 8, shape: [1], strides: [1]), "does not lie within"),
    (tensor(offset: -1, shape: [1], strides: [1]), "does not lie within"),
    (tensor(shape: [-2], strides: [1]), "does not lie within"),
    (tensor(shape: [2], strides: [-1]), "does not lie within"),
    (tensor(shape: [1 << 30, 1 << 30, 1 << 30], strides: [0, 0, 0]), "does not lie within"),
    (tensor(shape: [2, 2], strides: [Int.max, 1]), "does not lie within"),
    (tensor(shape: [1000], strides: [0]), "does not lie within"),
    (tensor(shape: [2, 2], strides: [1]), "not as torch.save"),
    (tensor(key: "7", shape: [1], strides: [1]), "not in the file"),
    (tensor(key: "../data.pkl", shape: [1], strides: [1]), "not in the file"),
    (tensor(count: 9, shape: [1], strides: [1]), "another length"),
    (tensor(type: "ComplexFloatStorage", shape: [1], strides: [1]), "torch.ComplexFloatStorage"),
    (tensor(type: "LongStorage", count: 4, shape: [4], strides: [1]), "these are not the weights"),
  ]

  private static func plain(_ text: String, _ bytes: [UInt8] = [], _ more: String = "") -> Data {
    start + Data(text.utf8) + Data(bytes) + Data(more.utf8)
  }

  /// A dictionary of tensors.
  static func dictionary(_ items: [(String, Data)]) -> Data {
    start + Data("}(".utf8) + items.reduce(Data()) { $0 + text($1.0) + $1.1 } + Data("u.".utf8)
  }

  /// A call of `_rebuild_tensor_v2`.
  static func tensor(
    type: String = "FloatStorage", key: String = "0", count: Int = 8, offset: Int = 0, shape: [Int], strides: [Int]
  ) -> Data {
    let parts = [
      Data("ctorch._utils\n_rebuild_tensor_v2\n((".utf8), text("storage"), Data("ctorch\n\(type)\n".utf8), text(key),
      text("cpu"), integer(count), Data("tQ".utf8), integer(offset), tuple(shape), tuple(strides), Data([0x89]),
      Data("NtR".utf8),
    ]
    return parts.reduce(Data(), +)
  }

  /// An archive with a pickle and the entry `data/0`.
  static func archive(_ pickle: Data, storage: Data = Data(count: 32)) -> Data {
    SmallZip.archive([("x/data.pkl", pickle), ("x/data/0", storage)])
  }

  /// A value wrapped many times by an operation.
  static func nested(_ depth: Int, _ operation: UInt8) -> Data {
    start + Data("N".utf8) + Data(repeating: operation, count: depth) + Data(".".utf8)
  }

  /// A dictionary in a dictionary in a dictionary …
  static func deepDictionaries(_ depth: Int) -> Data {
    let opened = text("a").reduce(into: Data("}".utf8)) { $0.append($1) }
    return start + (0..<depth).reduce(into: Data()) { bytes, _ in bytes.append(opened) } + Data("N".utf8)
      + Data(repeating: UInt8(ascii: "s"), count: depth) + Data(".".utf8)
  }

  /// A tuple of two of the tuple before, and so on.
  static func doubling(_ count: Int) -> Data {
    let step = Data("q\u{0}h\u{0}".utf8) + Data([0x86])
    return start + Data(")".utf8) + (0..<count).reduce(into: Data()) { bytes, _ in bytes.append(step) } + Data(".".utf8)
  }

  private static func tuple(_ numbers: [Int]) -> Data {
    Data("(".utf8) + numbers.reduce(Data()) { $0 + integer($1) } + Data("t".utf8)
  }

  private static func integer(_ value: Int) -> Data {
    Data([0x8a, 8]) + withUnsafeBytes(of: Int64(value).littleEndian) { Data($0) }
  }

  private static func text(_ text: String) -> Data {
    Data("X".utf8) + withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { Data($0) } + Data(text.utf8)
  }
}

/// A zip archive of stored entries.
enum SmallZip {
  static func archive(_ entries: [(name: String, bytes: Data)]) -> Data {
    var file = Data(), directory = Data()
    for (name, bytes) in entries {
      let sum = bytes.withUnsafeBytes { CRC32.of($0) }, offset = file.count
      let sizes = number4(Int(sum)) + number4(bytes.count) + number4(bytes.count)
      let names = number2(name.utf8.count) + number2(0)
      file += number4(0x0403_4b50) + number2(20) + Data(count: 8) + sizes + names + Data(name.utf8) + bytes
      directory += number4(0x0201_4b50) + number2(20) + number2(20) + Data(count: 8) + sizes + names + Data(count: 10)
      directory += number4(offset) + Data(name.utf8)
    }
    let end = number4(0x0605_4b50) + Data(count: 4) + number2(entries.count) + number2(entries.count)
    return file + directory + end + number4(directory.count) + number4(file.count) + number2(0)
  }

  /// Changes a number of 2 bytes in the first entry of the directory.
  static func edit(_ archive: inout Data, field: Int, to value: Int) {
    guard let start = archive.firstRange(of: number4(0x0201_4b50))?.lowerBound else { return }
    archive.replaceSubrange(start + field..<start + field + 2, with: number2(value))
  }

  private static func number2(_ value: Int) -> Data { withUnsafeBytes(of: UInt16(value).littleEndian) { Data($0) } }
  private static func number4(_ value: Int) -> Data { withUnsafeBytes(of: UInt32(value).littleEndian) { Data($0) } }
}
