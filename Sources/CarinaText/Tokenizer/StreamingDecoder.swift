/// Decodes ids one by one and gives out only whole characters: a character spelled by several byte pieces is held
/// back until its last byte is there.
///
/// The joined parts equal `decode` of all ids, except that bytes which are no UTF-8 give one U+FFFD each, where a
/// `tokenizer.json` decoder gives up the whole run of byte pieces around them.
///
/// ```swift
/// let decoder = StreamingDecoder(tokenizer: tokenizer)
/// for id in ids { print(decoder.append(id), terminator: "") }
/// print(decoder.finish())
/// ```
package final class StreamingDecoder {
  private let tokenizer: any Tokenizer
  private let skipSpecialTokens: Bool
  private var pending: [UInt8] = []
  /// Whether nothing came yet, so that a leading visible space may be dropped.
  private var isAtStart = true

  /// A decoder of one text.
  package init(tokenizer: any Tokenizer, skipSpecialTokens: Bool = true) {
    self.tokenizer = tokenizer
    self.skipSpecialTokens = skipSpecialTokens
  }

  /// The text that became complete with this id; often empty.
  package func append(_ id: Int) -> String {
    let surface = tokenizer.surface(
      of: id, atStart: isAtStart && pending.isEmpty, skipSpecialTokens: skipSpecialTokens)
    let text: String
    switch surface {
    case .byte(let byte):
      pending.append(byte)
      text = take(isLast: false)
    case .text(let piece): text = take(isLast: true) + piece
    case .textAfterDroppedSpace(let piece):
      text = take(isLast: true) + piece
      isAtStart = false
    }
    if !text.isEmpty { isAtStart = false }
    return text
  }

  /// What is left at the end: U+FFFD for each byte of an unfinished character. The decoder is then as new.
  package func finish() -> String {
    let text = take(isLast: true)
    isAtStart = true
    return text
  }

  private func take(isLast: Bool) -> String {
    var output = [UInt8]()
    var offset = 0
    scan: while offset < pending.count {
      switch UTF8Characters.beginning(of: pending, from: offset) {
      case .scalar(let length):
        output.append(contentsOf: pending[offset..<offset + length])
        offset += length
      case .incomplete where !isLast: break scan
      case .incomplete, .malformed:
        output.append(contentsOf: UTF8Characters.replacement)
        offset += 1
      }
    }
    pending.removeFirst(offset)
    return String(decoding: output, as: UTF8.self)
  }
}
