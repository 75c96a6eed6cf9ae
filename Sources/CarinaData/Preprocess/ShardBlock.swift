/// The images that one shard is made of: a fixed run of a plan, usable or not. What is in a shard therefore does not
/// depend on any other shard, and shards can be made in any order and by several machines.
struct ShardBlock: Equatable, Sendable {
  /// Number of the shard among all of the run, from 0.
  let ordinal: Int
  /// Which of the run's splits.
  let split: Int
  /// Number of the shard among those of its split, from 0, which names the file.
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
