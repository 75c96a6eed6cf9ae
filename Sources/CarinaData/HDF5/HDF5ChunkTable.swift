/// The chunks of a dataset: equal blocks of it, each somewhere in the file and perhaps filtered.
struct HDF5ChunkTable: Sendable {
  /// A step by which chunks were changed when they were written.
  struct Filter: Sendable {
    /// The number under which the HDF Group lists it.
    let number: UInt32
    let name: String
    let values: [UInt32]
  }

  /// A chunk in the file.
  struct Chunk: Sendable {
    /// Bit i tells that filter i was left out.
    let mask: UInt32
    let address: UInt64
    let byteCount: UInt64
  }

  /// Extent of a chunk in each dimension.
  let extent: [Int]
  let filters: [Filter]
  /// Index of the first element of each chunk, one dimension after the other.
  let offsets: [Int]
  let chunks: [Chunk]
}
