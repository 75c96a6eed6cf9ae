/// Token lists of the texts being scored, each text cut once per tokenizer and each token replaced by a number.
///
/// Equal numbers mean equal bytes: Swift's own string equality would call composed and decomposed letters the same,
/// which the reference scorers do not.
package final class TokenCache {
  private var numbers: [[UInt8]: Int32] = [:]
  private var lists: [String: [[UInt8]: [Int32]]] = [:]
  private var texts: [String: [[UInt8]: String]] = [:]

  package init() {}

  /// The tokens of `text` under the tokenizer called `scheme`, which is run only the first time.
  func tokens(_ text: String, _ scheme: String, _ tokenize: (String) -> [String]) -> [Int32] {
    let key = Array(text.utf8)
    if let known = lists[scheme]?[key] { return known }
    let list = tokenize(text).map(number)
    lists[scheme, default: [:]][key] = list
    return list
  }

  /// A rewritten form of `text` under the rewriting called `scheme`, which is run only the first time.
  func rewritten(_ text: String, _ scheme: String, _ rewrite: (String) -> String) -> String {
    let key = Array(text.utf8)
    if let known = texts[scheme]?[key] { return known }
    let result = rewrite(text)
    texts[scheme, default: [:]][key] = result
    return result
  }

  /// The number of a token, given out on first sight.
  func number(_ token: String) -> Int32 {
    let key = Array(token.utf8)
    if let known = numbers[key] { return known }
    let fresh = Int32(numbers.count)
    numbers[key] = fresh
    return fresh
  }

  /// A text after `AnswerNormalizer`.
  func normalized(_ text: String) -> String { rewritten(text, "vqa", AnswerNormalizer.normalize) }
}
