/// One sequence for the joined model: tokens, the rows of one image (or none), tokens.
public struct ImageTextSequence: Sendable {
  /// Ids before and after the image.
  package let tokensBefore: [Int], tokensAfter: [Int]
  /// Which image of the pass stands between them; nil for text alone.
  package let image: Int?
  /// One flag a token of `tokensAfter`: is it a target of the loss?
  package let supervised: [Bool]

  /// Describes a sequence; without `supervised` nothing is a target.
  package init(tokensBefore: [Int], image: Int?, tokensAfter: [Int], supervised: [Bool]? = nil) {
    self.tokensBefore = tokensBefore
    self.tokensAfter = tokensAfter
    self.image = image
    self.supervised = supervised ?? [Bool](repeating: false, count: tokensAfter.count)
    precondition(self.supervised.count == tokensAfter.count, "one flag a token expected")
  }

  /// How many tokens the loss is taken on.
  package var supervisedCount: Int { supervised.lazy.filter { $0 }.count }

  /// Rows of the sequence when an image has `imageRows` rows.
  package func length(imageRows: Int) -> Int {
    tokensBefore.count + (image == nil ? 0 : imageRows) + tokensAfter.count
  }
}
