import CarinaRuntime
import Foundation

/// The normaliser of a `tokenizer.json`: steps that rewrite a text before it is cut into pieces.
struct TextNormalizer: Sendable {
  private enum Step: Sendable {
    case replace(ByteReplacement)
    case prepend([UInt8])
    case lowercase
    case composed
    case decomposed
    case compatibilityComposed
    case compatibilityDecomposed
  }

  private var steps: [Step] = []

  /// Reads the description; nil or `null` changes nothing.
  /// - Throws: `CarinaError.badData` naming a kind that is not supported.
  init(_ description: JSONValue?, source: String) throws {
    guard let description, !description.isNull else { return }
    try append(description, source: source)
  }

  private mutating func append(_ description: JSONValue, source: String) throws {
    let type = description["type"]?.string
    let node = JSONNode(description, source: source, keys: ["normalizer"], wording: .configuration)
    switch type {
    case "Sequence":
      for part in try node["normalizers"].elements().compactMap(\.value) { try append(part, source: source) }
    case "Replace":
      let replacement = try ByteReplacement(description, source: "\(source), normalizer")
      steps.append(.replace(replacement))
    case "Prepend": steps.append(.prepend(Array(try node["prepend"].text().utf8)))
    case "Lowercase": steps.append(.lowercase)
    case "NFC": steps.append(.composed)
    case "NFD": steps.append(.decomposed)
    case "NFKC": steps.append(.compatibilityComposed)
    case "NFKD": steps.append(.compatibilityDecomposed)
    default:
      throw CarinaError(
        .badData, "the normalizer \"\(type ?? "without a type")\" is not supported", at: source,
        expected: "Sequence, Replace, Prepend, Lowercase, NFC, NFD, NFKC, NFKD or null")
    }
  }

  /// The text rewritten by all steps in order; UTF-8 in, UTF-8 out.
  func apply(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    if case .replace(let replacement)? = steps.first, steps.count == 1 { return replacement.apply(to: text) }
    return steps.reduce(Array(text)) { TextNormalizer.apply($1, to: $0) }
  }

  private static func apply(_ step: Step, to text: [UInt8]) -> [UInt8] {
    func mapped(_ change: (String) -> String) -> [UInt8] { Array(change(String(decoding: text, as: UTF8.self)).utf8) }
    switch step {
    case .replace(let replacement): return replacement.apply(to: text)
    case .prepend(let prefix): return text.isEmpty ? text : prefix + text
    // Scalar by scalar: the reference knows no context, so a final sigma stays the ordinary one.
    case .lowercase: return mapped { $0.unicodeScalars.map { $0.properties.lowercaseMapping }.joined() }
    case .composed: return mapped { $0.precomposedStringWithCanonicalMapping }
    case .decomposed: return mapped { $0.decomposedStringWithCanonicalMapping }
    case .compatibilityComposed: return mapped { $0.precomposedStringWithCompatibilityMapping }
    case .compatibilityDecomposed: return mapped { $0.decomposedStringWithCompatibilityMapping }
    }
  }
}
