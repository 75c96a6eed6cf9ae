/// The images of several shards, one after the other.
struct ShardQueue: Sendable {
  private let blocks: [ShardBlock]
  private let starts: RunStarts

  init(_ blocks: [ShardBlock]) {
    self.blocks = blocks
    starts = RunStarts(blocks.map(\.images.count))
  }

  /// How many images there are.
  var count: Int { starts.count }

  /// The shard of an image, and its index in the plan of the shard's split.
  subscript(_ index: Int) -> (block: ShardBlock, image: Int) {
    let (block, image) = starts.locate(index)
    return (blocks[block], blocks[block].images.lowerBound + image)
  }
}
