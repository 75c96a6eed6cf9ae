import CarinaRuntime

/// Reads the large parts of a `tokenizer.json` (vocabulary, merges) without building values for them.
struct BytePairFileReader {
  /// Everything but the model, by name.
  private(set) var settings = JSONObject()
  /// The model without vocabulary and merges.
  private(set) var modelSettings = JSONObject()
  private(set) var pieces = PieceTable()
  private(set) var merges = BytePairMerges()
  private let source: String

  private init(source: String) { self.source = source }

  /// Reads a whole file.
  static func read(_ bytes: UnsafeRawBufferPointer, source: String) throws -> BytePairFileReader {
    var reader = BytePairFileReader(source: source)
    var scanner = JSONScanner(bytes, source: source)
    var hasModel = false
    try scanner.object { scanner, key, _ in
      if key == "model", try scanner.peek() == UInt8(ascii: "{") {
        hasModel = true
        try reader.readModel(&scanner)
      } else {
        reader.settings[key] = try value(&scanner)
      }
    }
    try scanner.expectEnd()
    guard hasModel else {
      throw CarinaError(.badData, "this is no tokenizer: it has no \"model\" object", at: source)
    }
    return reader
  }

  private static func value(_ scanner: inout JSONScanner) throws -> JSONValue {
    var parser = JSONParser(scanner: scanner)
    let value = try parser.value(depth: 1)
    scanner = parser.scanner
    return value
  }

  private mutating func readModel(_ scanner: inout JSONScanner) throws {
    var hasVocabulary = false
    var mergesOffset: Int?
    try scanner.object { scanner, key, _ in
      switch key {
      // A Unigram vocabulary is a list; the model type is refused by name later.
      case "vocab" where try scanner.peek() == UInt8(ascii: "{"):
        try readVocabulary(&scanner)
        hasVocabulary = true
      case "merges" where hasVocabulary: try readMerges(&scanner)
      case "merges":
        _ = try scanner.peek()
        mergesOffset = scanner.offset
        _ = try Self.value(&scanner)
      case "vocab": _ = try Self.value(&scanner)
      default: modelSettings[key] = try Self.value(&scanner)
      }
    }
    if let mergesOffset, hasVocabulary {
      var again = scanner
      again.offset = mergesOffset
      try readMerges(&again)
    }
    guard hasVocabulary || modelSettings["type"]?.string != "BPE" else {
      throw CarinaError(.badData, "the model has no \"vocab\" object", at: source)
    }
  }

  private mutating func readVocabulary(_ scanner: inout JSONScanner) throws {
    // An entry takes some 16 bytes and the merges follow: an estimate that seldom makes the table grow.
    pieces = PieceTable(capacity: min(scanner.bytes.count / 64, 1 << 19))
    try scanner.members { scanner in
      let start = scanner.offset
      var names = scanner
      try scanner.stringBytes { _ in }
      try scanner.expect(UInt8(ascii: ":"))
      _ = try scanner.peek()
      guard case .integer(let id) = try scanner.number(), (0..<PieceLimits.idLimit).contains(id) else {
        throw scanner.failure(
          "the id of a piece is not usable", at: start, expected: "an integer from 0 to \(PieceLimits.idLimit - 1)")
      }
      let conflict = try names.stringBytes { pieces.insert($0, id: id) }
      if let conflict {
        names.offset = start
        throw Self.error(conflict, piece: (try? names.string()) ?? "", id: id, source: source)
      }
    }
  }

  private mutating func readMerges(_ scanner: inout JSONScanner) throws {
    merges = BytePairMerges(capacity: min(scanner.bytes.count / 48, 1 << 20))
    var joined = [UInt8]()
    try scanner.array { scanner in
      joined.removeAll(keepingCapacity: true)
      let start = scanner.offset
      var leftLength = 0
      if try scanner.peek() == UInt8(ascii: "[") {
        var part = 0
        try scanner.array { scanner in
          try scanner.stringBytes { joined.append(contentsOf: $0) }
          if part == 0 { leftLength = joined.count }
          part += 1
        }
        guard part == 2 else {
          throw scanner.failure("a merge needs two pieces", at: start, found: "\(part)")
        }
      } else {
        try scanner.stringBytes { joined.append(contentsOf: $0) }
        guard let space = joined.firstIndex(of: 0x20), !joined[(space + 1)...].contains(0x20) else {
          throw scanner.failure("a merge needs two pieces with one space between", at: start)
        }
        leftLength = space
        joined.remove(at: space)
      }
      try appendMerge(joined, leftLength: leftLength)
    }
  }

  private mutating func appendMerge(_ joined: [UInt8], leftLength: Int) throws {
    try joined.withUnsafeBufferPointer { joined in
      let leftBytes = UnsafeBufferPointer(rebasing: joined[..<leftLength])
      let rightBytes = UnsafeBufferPointer(rebasing: joined[leftLength...])
      guard let left = pieces.id(of: leftBytes), let right = pieces.id(of: rightBytes),
        let product = pieces.id(of: joined)
      else {
        let names = [leftBytes, rightBytes, joined]
        let missing = names.first { pieces.id(of: $0) == nil } ?? joined
        throw CarinaError(
          .badData, "merge \(merges.count) names a piece that is not in the vocabulary", at: source,
          found: "\"\(String(decoding: missing, as: UTF8.self))\"")
      }
      merges.append(left: left, right: right, product: product)
    }
  }

  /// The error for a piece that the table did not take.
  static func error(_ conflict: PieceTable.Conflict, piece: String, id: Int, source: String) -> CarinaError {
    switch conflict {
    case .piece(let other):
      CarinaError(.badData, "the piece \"\(piece)\" has two ids", at: source, found: "\(other) and \(id)")
    case .id(let other):
      CarinaError(.badData, "the id \(id) has two pieces", at: source, found: "\"\(other)\" and \"\(piece)\"")
    case .encoding:
      CarinaError(.badData, "the piece with id \(id) is not valid UTF-8", at: source)
    }
  }
}
