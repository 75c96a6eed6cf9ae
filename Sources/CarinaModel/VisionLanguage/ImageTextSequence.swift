/// One sequence for the joined model: tokens, the rows of one image (or none, or several with tokens between them),
/// tokens.
public struct ImageTextSequence: Sendable {
  /// Ids before and after the image.
  package let tokensBefore: [Int], tokensAfter: [Int]
  /// Which images of the pass stand between them; none for text alone.
  package let images: [Int]
  /// Ids between one image and the next, one list less than there are images.
  package let tokensBetween: [[Int]]
  /// The first image; nil for text alone.
  package var image: Int? { images.first }
  /// One flag a token of `tokensAfter`: is it a target of the loss?
  package let supervised: [Bool]
  /// The same of `tokensBefore`, and of each list of `tokensBetween`.
  package let supervisedBefore: [Bool], supervisedBetween: [[Bool]]

  /// Describes a sequence; without `supervised` nothing is a target.
  package init(tokensBefore: [Int], image: Int?, tokensAfter: [Int], supervised: [Bool]? = nil) {
    self.init(
      tokensBefore: tokensBefore, images: image.map { [$0] } ?? [], tokensBetween: [], tokensAfter: tokensAfter,
      supervised: supervised)
  }

  /// Describes a sequence with several images; without `supervised` nothing behind the images is a target, and without
  /// `supervisedBefore` and `supervisedBetween` nothing before and between them.
  package init(
    tokensBefore: [Int], images: [Int], tokensBetween: [[Int]], tokensAfter: [Int], supervised: [Bool]? = nil,
    supervisedBefore: [Bool]? = nil, supervisedBetween: [[Bool]]? = nil
  ) {
    func flags(_ given: [Bool]?, _ tokens: [Int]) -> [Bool] {
      let flags = given ?? [Bool](repeating: false, count: tokens.count)
      precondition(flags.count == tokens.count, "one flag a token expected")
      return flags
    }
    self.tokensBefore = tokensBefore
    self.tokensBetween = tokensBetween
    self.tokensAfter = tokensAfter
    self.images = images
    precondition(tokensBetween.count == max(0, images.count - 1), "one list of ids between two images expected")
    self.supervised = flags(supervised, tokensAfter)
    self.supervisedBefore = flags(supervisedBefore, tokensBefore)
    self.supervisedBetween = tokensBetween.indices.map { flags(supervisedBetween?[$0], tokensBetween[$0]) }
  }

  /// How many tokens the loss is taken on.
  package var supervisedCount: Int {
    ([supervisedBefore] + supervisedBetween + [supervised]).reduce(0) { $0 + $1.count { $0 } }
  }

  /// The ids that are targets, each with the row that predicts it, counted from the sequence's first, in their order.
  package func targets(imageRows: Int) -> [(row: Int, id: Int)] {
    var found: [(row: Int, id: Int)] = [], position = 0
    func add(_ ids: [Int], _ flags: [Bool]) {
      for (id, isTarget) in zip(ids, flags) {
        if isTarget {
          precondition(position > 0, "nothing stands before the first token")
          found.append((position - 1, id))
        }
        position += 1
      }
    }
    add(tokensBefore, supervisedBefore)
    for index in images.indices {
      position += imageRows
      if index < tokensBetween.count { add(tokensBetween[index], supervisedBetween[index]) }
    }
    add(tokensAfter, supervised)
    return found
  }

  /// Rows of the sequence when an image has `imageRows` rows.
  package func length(imageRows: Int) -> Int {
    tokensBefore.count + images.count * imageRows + tokensBetween.reduce(0) { $0 + $1.count } + tokensAfter.count
  }

  /// Rows of each image, counted from the sequence's first.
  package func imageRuns(imageRows: Int) -> [Range<Int>] {
    var next = tokensBefore.count
    return images.indices.map { index in
      defer { next += imageRows + (index < tokensBetween.count ? tokensBetween[index].count : 0) }
      return next..<next + imageRows
    }
  }
}
