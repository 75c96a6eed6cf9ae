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

/// The images that one shard is made of: a fixed run of a plan, usable or not. What is in a shard therefore does not depend
/// on any other shard, and shards can be made in any order and by several machines.
struct ShardBlock: Equatable, Sendable {
  /// Place among all shards of the run.
  let ordinal: Int
  /// Which of the run's splits.
  let split: Int
  /// Place among the shards of the split, which names the file.
  let number: Int
  /// Images of the split's plan.
  let images: Range<Int>

  /// The shards of plans with so many images.
  static func all(of counts: [Int], shardSize: Int) -> [ShardBlock] {
    var blocks: [ShardBlock] = []
    for (split, count) in counts.enumerated() {
      for (number, start) in stride(from: 0, to: count, by: shardSize).enumerated() {
        blocks.append(
          ShardBlock(
            ordinal: blocks.count, split: split, number: number, images: start..<min(count, start + shardSize)))
      }
    }
    return blocks
  }
}
