/// The images of several shards, one after the other.
struct ShardQueue: Sendable {
  private let blocks: [ShardBlock]
  private let starts: [Int]
  /// How many images there are.
  let count: Int

  init(_ blocks: [ShardBlock]) {
    var (starts, count) = ([Int](), 0)
    for block in blocks {
      starts.append(count)
      count += block.images.count
    }
    (self.blocks, self.starts, self.count) = (blocks, starts, count)
  }

  /// The shard of an image, and its index in the plan of the shard's split.
  subscript(_ index: Int) -> (block: ShardBlock, image: Int) {
    var (low, high) = (0, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    return (blocks[low], blocks[low].images.lowerBound + index - starts[low])
  }
}
