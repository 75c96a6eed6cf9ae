/// Which share of a preprocessing run one process does: the shards whose ordinal leaves the remainder `number - 1` when
/// divided by `count`.
public struct ShardPart: Equatable, Sendable, CustomStringConvertible {
  /// Which part, counted from 1.
  package let number: Int
  /// How many parts there are.
  public let count: Int

  /// Everything.
  public static let whole = ShardPart(number: 1, count: 1)

  private init(number: Int, count: Int) { (self.number, self.count) = (number, count) }

  /// Reads `I/N` with 1 ≤ I ≤ N ≤ 10,000; nil for anything else.
  public init?(text: String) {
    let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let number = numbers[0], let count = numbers[1], (1...10_000).contains(count),
      (1...count).contains(number)
    else { return nil }
    self.init(number: number, count: count)
  }

  /// `I/N`.
  public var description: String { "\(number)/\(count)" }

  /// Whether a shard belongs to this part.
  func owns(_ block: ShardBlock) -> Bool { block.ordinal % count == number - 1 }
}
