import CarinaRuntime
import Foundation

/// What a SentencePiece `tokenizer.model` says (Kudo and Richardson 2018): pieces, scores and settings.
struct SentencePieceModel: Sendable {
  /// What a piece is for; the raw values are those of the file.
  enum Kind: UInt8, Sendable {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6
  }

  /// How text is cut; the raw values are those of the file.
  enum Algorithm: Int, Sendable {
    case unigram = 1
    case bytePair = 2
  }

  var pieces = PieceTable()
  var scores: [Float] = []
  var kinds: [Kind] = []
  var algorithm = Algorithm.unigram
  var fallsBackToBytes = false
  var unknown = 0
  var begin = 1
  var end = 2
  var padding = -1
  var unknownSurface = " \u{2047} "
  var charsMap: PrecompiledCharsMap?
  var addsDummyPrefix = true
  var removesExtraSpaces = true
  var escapesSpaces = true

  /// Reads the file's bytes; `source` names it in errors.
  /// - Throws: `CarinaError.badData` for a broken file and, by name, for what is not supported.
  init(_ data: Data, source: String) throws {
    try PieceLimits.check(data.count, source: source)
    try data.withUnsafeBytes { raw in
      let bytes = raw.bindMemory(to: UInt8.self)
      var reader = ProtobufReader(bytes, range: 0..<bytes.count, source: source)
      var sections = Set<Int>()
      while let (field, value) = try reader.next() {
        guard case .bytes(let range) = value else { continue }
        sections.insert(field)
        switch field {
        case 1: try readPiece(bytes, range, source: source)
        case 2: try readTrainerSettings(bytes, range, source: source)
        case 3: try readNormalizerSettings(bytes, range, source: source)
        case 5: try refuseDenormalizer(bytes, range, source: source)
        default: break
        }
      }
      // They stand behind the pieces, so a file that was cut off between two pieces lacks them.
      guard sections.isSuperset(of: [1, 2, 3]) else {
        throw CarinaError(
          .badData, "not a whole SentencePiece model", at: source,
          expected: "pieces, trainer settings and normalizer settings", remedy: "Compare its size with its source.")
      }
    }
    try check(source: source)
  }

  private mutating func readPiece(
    _ bytes: UnsafeBufferPointer<UInt8>, _ message: Range<Int>, source: String
  ) throws {
    var reader = ProtobufReader(bytes, range: message, source: source)
    var text = 0..<0
    var score: Float = 0
    var kind = Kind.normal
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let range)): text = range
      case (2, .fixed32(let bits)): score = Float(bitPattern: bits)
      case (3, .varint(let raw)):
        guard let known = UInt8(exactly: raw).flatMap(Kind.init(rawValue:)) else {
          throw CarinaError(.badData, "piece \(scores.count) is of the unknown type \(raw)", at: source)
        }
        kind = known
      default: break
      }
    }
    let id = scores.count
    guard !text.isEmpty, !score.isNaN, id < PieceLimits.idLimit else {
      throw CarinaError(.badData, "piece \(id) is empty, without a score, or one too many", at: source)
    }
    let piece = UnsafeBufferPointer(rebasing: bytes[text])
    if let conflict = pieces.insert(piece, id: id) {
      throw BytePairFileReader.error(
        conflict, piece: String(decoding: piece, as: UTF8.self), id: id, source: source)
    }
    scores.append(score)
    kinds.append(kind)
  }

  private mutating func readTrainerSettings(
    _ bytes: UnsafeBufferPointer<UInt8>, _ message: Range<Int>, source: String
  ) throws {
    var reader = ProtobufReader(bytes, range: message, source: source)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (3, .varint(let raw)):
        guard let known = Algorithm(rawValue: Int(truncatingIfNeeded: raw)) else {
          let name = raw == 3 ? "WORD" : raw == 4 ? "CHAR" : "\(raw)"
          throw CarinaError(
            .badData, "the SentencePiece model type \(name) is not supported", at: source, expected: "UNIGRAM or BPE")
        }
        algorithm = known
      case (24, .varint(let flag)) where flag != 0:
        throw CarinaError(.badData, "treat_whitespace_as_suffix is not supported", at: source)
      case (35, .varint(let flag)): fallsBackToBytes = flag != 0
      case (40, .varint(let id)): unknown = Int(truncatingIfNeeded: id)
      case (41, .varint(let id)): begin = Int(truncatingIfNeeded: id)
      case (42, .varint(let id)): end = Int(truncatingIfNeeded: id)
      case (43, .varint(let id)): padding = Int(truncatingIfNeeded: id)
      case (44, .bytes(let range)): unknownSurface = String(decoding: bytes[range], as: UTF8.self)
      default: break
      }
    }
  }

  private mutating func readNormalizerSettings(
    _ bytes: UnsafeBufferPointer<UInt8>, _ message: Range<Int>, source: String
  ) throws {
    var reader = ProtobufReader(bytes, range: message, source: source)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (2, .bytes(let range)) where !range.isEmpty:
        charsMap = try PrecompiledCharsMap(Array(bytes[range]), source: source)
      case (3, .varint(let flag)): addsDummyPrefix = flag != 0
      case (4, .varint(let flag)): removesExtraSpaces = flag != 0
      case (5, .varint(let flag)): escapesSpaces = flag != 0
      default: break
      }
    }
  }

  private func refuseDenormalizer(
    _ bytes: UnsafeBufferPointer<UInt8>, _ message: Range<Int>, source: String
  ) throws {
    var reader = ProtobufReader(bytes, range: message, source: source)
    while let (field, value) = try reader.next() {
      if field == 2, case .bytes(let range) = value, !range.isEmpty {
        throw CarinaError(.badData, "a denormalizer is not supported", at: source)
      }
    }
  }

  private func check(source: String) throws {
    guard kinds.indices.contains(unknown), kinds[unknown] == .unknown else {
      throw CarinaError(.badData, "the unknown piece (id \(unknown)) is not there", at: source)
    }
    if fallsBackToBytes, let byte = (0...255).first(where: { pieces.id(of: BytePieces.spelling(of: UInt8($0))) == nil })
    {
      throw CarinaError(
        .badData, "byte fallback is on but the piece \(BytePieces.spelling(of: UInt8(byte))) is not there", at: source)
    }
  }
}
