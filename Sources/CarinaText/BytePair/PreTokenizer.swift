import CarinaRuntime

/// The pre-tokenizer of a `tokenizer.json`: cuts a text where no piece may reach across.
struct PreTokenizer: Sendable {
  private enum Behavior: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
  }

  private struct Split: Sendable {
    let pattern: [UInt8]
    let behavior: Behavior
    let isInverted: Bool
  }

  private var splits: [Split] = []

  /// Reads the description; nil or `null` cuts nowhere.
  /// - Throws: `CarinaError.badData` naming a kind that is not supported.
  init(_ description: JSONValue?, source: String) throws {
    guard let description, !description.isNull else { return }
    try append(description, source: source)
  }

  private mutating func append(_ description: JSONValue, source: String) throws {
    let type = description["type"]?.string
    let node = JSONNode(description, source: source, keys: ["pre_tokenizer"], wording: .configuration)
    if type == "Sequence" {
      for part in try node["pretokenizers"].elements().compactMap(\.value) { try append(part, source: source) }
      return
    }
    guard type == "Split" else {
      throw CarinaError(
        .badData, "the pre_tokenizer \"\(type ?? "without a type")\" is not supported", at: source,
        expected: "Split, Sequence or null")
    }
    guard let pattern = description["pattern"]?["String"]?.string, !pattern.isEmpty else {
      throw CarinaError(
        .badData, "a Split pre_tokenizer is supported with a literal pattern only", at: source,
        expected: "\"pattern\": {\"String\": …} that is not empty", found: description["pattern"]?.shown)
    }
    guard let behavior = description["behavior"]?.string.flatMap(Behavior.init(rawValue:)) else {
      throw CarinaError(
        .badData, "the behavior of a Split pre_tokenizer is not supported", at: source,
        expected: "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous",
        found: description["behavior"]?.shown)
    }
    let isInverted = try node["invert"].optional?.flag() ?? false
    splits.append(Split(pattern: Array(pattern.utf8), behavior: behavior, isInverted: isInverted))
  }

  /// The ranges of `text` that are encoded each on its own, in order and not empty.
  func ranges(of text: UnsafeBufferPointer<UInt8>) -> [Range<Int>] {
    splits.reduce([0..<text.count]) { ranges, split in
      ranges.flatMap { PreTokenizer.cut(text, $0, by: split) }
    }.filter { !$0.isEmpty }
  }

  private static func cut(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, by split: Split) -> [Range<Int>] {
    let parts = occurrences(of: split.pattern, in: text, range).map {
      (range: $0.range, isMatch: $0.isMatch != split.isInverted)
    }
    var result = [Range<Int>]()
    var previousWasMatch = false
    switch split.behavior {
    case .removed: return parts.filter { !$0.isMatch }.map(\.range)
    case .isolated: return parts.map(\.range)
    case .mergedWithPrevious:
      for part in parts {
        if part.isMatch, !previousWasMatch, let last = result.popLast() {
          result.append(last.lowerBound..<part.range.upperBound)
        } else {
          result.append(part.range)
        }
        previousWasMatch = part.isMatch
      }
    case .mergedWithNext:
      for part in parts.reversed() {
        if part.isMatch, !previousWasMatch, let last = result.popLast() {
          result.append(part.range.lowerBound..<last.upperBound)
        } else {
          result.append(part.range)
        }
        previousWasMatch = part.isMatch
      }
      result.reverse()
    case .contiguous:
      for part in parts {
        if part.isMatch == previousWasMatch, let last = result.popLast() {
          result.append(last.lowerBound..<part.range.upperBound)
        } else {
          result.append(part.range)
        }
        previousWasMatch = part.isMatch
      }
    }
    return result
  }

  private static func occurrences(
    of pattern: [UInt8], in text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) -> [(range: Range<Int>, isMatch: Bool)] {
    var parts = [(range: Range<Int>, isMatch: Bool)]()
    var start = range.lowerBound
    var offset = start
    while offset + pattern.count <= range.upperBound {
      guard ByteReplacement.occurs(pattern, in: text, at: offset) else {
        offset += 1
        continue
      }
      if start < offset { parts.append((start..<offset, false)) }
      parts.append((offset..<offset + pattern.count, true))
      offset += pattern.count
      start = offset
    }
    if start < range.upperBound { parts.append((start..<range.upperBound, false)) }
    return parts
  }
}
